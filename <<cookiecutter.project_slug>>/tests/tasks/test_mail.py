"""Mail that goes through the queue: what the mail server gets, what is kept, what becomes of what it refuses."""

import smtplib

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMultiAlternatives, InvalidMailer, mailers
from django.core.management import call_command
from django.db import transaction

from tasks.errors import TaskTimeout
from tasks.mail import MOST_ATTEMPTS, is_final
from tasks.models import TaskRecord
from tasks.testing import run_pending
from tests.smtp import serving

pytestmark = pytest.mark.django_db

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def through_the_queue(settings, server):
    """As with EMAIL_URL=smtp://127.0.0.1:PORT."""
    options = {"host": "127.0.0.1", "port": server.port, "timeout": 10}
    settings.MAILERS = {
        "default": {"BACKEND": "tasks.mail.EmailBackend"}, "outbox": {"BACKEND": SMTP, "OPTIONS": options},
    }  # fmt: skip


def send(*to: str, **fields) -> int:
    return EmailMultiAlternatives("Hello", "A text.", "me@example.com", to or ["ada@example.com"], **fields).send()


def run_again() -> TaskRecord:
    """Run what waits, however long it is to wait yet."""
    TaskRecord.objects.filter(status="READY").update(waits_until=None)
    assert run_pending() == 1
    return TaskRecord.objects.get()


def test_a_password_reset_is_in_the_queue_until_a_worker_sends_it(client, server):
    User.objects.create_user("ada", "ada@example.com", "the old password")
    client.post("/accounts/password/", {"email": "ada@example.com"})
    record = TaskRecord.objects.get()
    assert (record.queue, record.status, server.mails) == ("critical", "READY", [])
    assert "/accounts/password/" in record.arguments["args"][-1]

    assert run_pending() == 1
    (sent,) = server.mails
    assert (sent.message["Subject"], sent.recipients) == ("Your password at testserver", ["ada@example.com"])
    assert "http://testserver/accounts/password/" in sent.message.get_content()


def test_what_was_sent_leaves_no_link_in_the_table(server):
    send()
    run_pending()
    record = TaskRecord.objects.get()

    assert record.status == "SUCCESSFUL"
    assert record.arguments["args"] == ["outbox", "me@example.com", ["ada@example.com"], ""]


def test_an_attempt_that_died_after_sending_sends_nothing_again(server):
    send()
    run_pending()
    TaskRecord.objects.update(status="READY")

    assert (run_pending(), TaskRecord.objects.get().status, len(server.mails)) == (1, "SUCCESSFUL", 1)


def test_everything_that_a_mail_has_arrives(server):
    message = EmailMultiAlternatives(
        "Grüße 🙂", "Ein Text mit ß.", "Jürgen <j@exämple.com>", ["Ada <ada@example.com>"], cc=["cc@example.com"],
        bcc=["blind@example.com"], reply_to=["reply@example.com"], headers={"X-Order": "42", "Message-ID": "<1@here>"},
    )  # fmt: skip
    message.attach_alternative("<p>Ein Text mit <b>ß</b>.</p>", "text/html")
    message.attach("bytes.bin", bytes(range(256)), "application/octet-stream")
    message.attach("latin.txt", "schön".encode("latin-1"), "text/plain")
    assert message.send() == 1
    run_pending()
    (sent,) = server.mails

    found = sent.message
    assert (sent.sender, sent.recipients) == (
        "j@xn--exmple-cua.com",
        ["ada@example.com", "cc@example.com", "blind@example.com"],
    )
    assert [found[name] for name in ("Subject", "To", "Cc", "Reply-To", "X-Order", "Message-ID")] == [
        "Grüße 🙂", "Ada <ada@example.com>", "cc@example.com", "reply@example.com", "42", "<1@here>",
    ]  # fmt: skip
    assert b"blind" not in sent.content
    assert found.get_body(("plain",)).get_content().strip() == "Ein Text mit ß."
    assert "<b>ß</b>" in found.get_body(("html",)).get_content()
    assert [part.get_content() for part in found.iter_attachments()] == [bytes(range(256)), "schön".encode("latin-1")]


def test_lines_are_sent_as_the_protocol_has_them(server):
    EmailMultiAlternatives("Dots", ".one\n..two\nthree", "me@example.com", ["ada@example.com"]).send()
    run_pending()

    assert server.mails[0].message.get_content().splitlines() == [".one", "..two", "three"]
    assert b"\n" not in server.mails[0].content.replace(b"\r\n", b"")


def test_a_mail_of_what_was_rolled_back_is_not_sent():
    with transaction.atomic():
        send()
        transaction.set_rollback(True)

    assert run_pending() == 0


def test_many_at_once(server):
    messages = [
        EmailMultiAlternatives("Hello", "A text.", "me@example.com", [f"{number}@example.com"]) for number in range(5)
    ]
    nobody = EmailMultiAlternatives("Hello", "A text.", "me@example.com", [])
    assert mailers.default.send_messages([*messages, nobody]) == 5
    run_pending()

    assert len(server.mails) == 5


def test_what_cannot_be_a_mail_is_an_error_of_who_sends_it():
    with pytest.raises(ValueError, match="linefeed"):
        EmailMultiAlternatives("Hello\nBcc: x@example.com", "", "me@example.com", ["ada@example.com"]).send()
    assert TaskRecord.objects.count() == 0


def test_the_same_mail_is_sent_once_the_server_is_back(server):
    server.answers["DATA"] = "451 later"
    send()
    waiting = run_again()
    assert (waiting.status, waiting.history[0]["type"]) == ("READY", "smtplib.SMTPDataError")
    assert waiting.waits_until is not None
    server.answers.clear()

    assert run_again().status == "SUCCESSFUL"
    assert len(server.mails) == 1


def test_a_server_that_stays_away_fails_the_mail_with_its_error(server):
    server.server_close()
    send()
    for attempt in range(1, MOST_ATTEMPTS):
        assert (run_again().status, attempt) == ("READY", attempt)
    record = run_again()

    assert (record.status, record.history[-1]["type"]) == ("FAILED", "builtins.ConnectionRefusedError")
    assert "A text." in record.arguments["args"][-1]  # for who retries it


def test_a_recipient_that_is_refused_for_good_is_not_tried_again(server):
    server.answers["gone@example.com"] = "550 no such user"
    send("gone@example.com")
    record = run_again()

    assert (record.status, record.attempt, record.history[0]["type"]) == ("FAILED", 1, "tasks.mail.MailRefused")
    assert "gone@example.com" in record.history[0]["message"]
    assert "no such user" in record.history[0]["message"]


def test_who_was_reached_gets_nothing_again_when_others_are_tried_again(server):
    server.answers |= {"later@example.com": "451 greylisted", "gone@example.com": "550 no such user"}
    send("ada@example.com", bcc=["later@example.com", "gone@example.com"])
    assert run_again().status == "READY"
    del server.answers["later@example.com"]
    record = run_again()

    assert [mail.recipients for mail in server.mails] == [["ada@example.com"], ["later@example.com"]]
    assert (record.status, record.attempt, record.history[-1]["type"]) == ("FAILED", 2, "tasks.mail.MailRefused")
    assert "gone@example.com" in record.history[-1]["message"]


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (smtplib.SMTPSenderRefused(553, b"no", "me"), True),
        (smtplib.SMTPDataError(554, b"spam"), True),
        (smtplib.SMTPDataError(452, b"full"), False),
        (smtplib.SMTPAuthenticationError(535, b"wrong"), False),
        (smtplib.SMTPServerDisconnected("gone"), False),
    ],
)
def test_what_the_server_will_say_again(error, final):
    assert is_final(error) is final


def test_a_timeout_of_the_task_is_tried_again():
    from tasks.mail import send as task

    assert task.may_retry(TaskTimeout(), 1)


def test_any_mailer_can_be_behind_it(settings):
    settings.MAILERS["outbox"] = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
    send("ada@example.com", bcc=["blind@example.com"])
    run_pending()
    (sent,) = mail.outbox

    assert sent.recipients() == ["ada@example.com", "blind@example.com"]
    assert sent.message()["Subject"] == "Hello"


@pytest.mark.parametrize("using", ["nowhere", "default"])
def test_a_mailer_that_does_not_exist_or_is_itself_is_refused(settings, using):
    settings.MAILERS["default"] = {"BACKEND": "tasks.mail.EmailBackend", "OPTIONS": {"using": using}}
    with pytest.raises(InvalidMailer, match="using"):
        send()


def test_the_test_mail_of_a_person_goes_the_same_way(server):
    call_command("sendtestemail", "ada@example.com")
    run_pending()

    assert server.mails[0].recipients == ["ada@example.com"]
