"""Mail through the queue: whoever sends one waits for no mail server, and one that is away for a while loses none.

A mail is a task of the queue `critical`, enqueued with the transaction that is open: no mail goes out for what was
rolled back. The row holds it as it will be sent, and to whom, blind copies included; once it is sent only to whom.
"""

import smtplib
from collections.abc import Sequence
from contextlib import suppress
from email import message_from_string
from email.message import EmailMessage as MimeMessage
from email.policy import default
from typing import Any

from django.core.mail import EmailMessage, InvalidMailer, mailers
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.tasks import task

from tasks.backends import Call
from tasks.table import queue
from tasks.table.patience import PASSING
from tasks.worker.context import DurableContext

type Refused = dict[str, tuple[int, bytes]]  # address → code and text of the mail server's answer

ASCII = default.clone(cte_type="7bit")  # JSON holds no bytes
MOST_ATTEMPTS = 12  # with the queue's own pauses the last one is some three hours after the first


class MailRefused(Exception):
    """The mail server will not take this mail, however often it is asked."""


class EmailBackend(BaseEmailBackend):
    """Enqueues mails; a worker sends them with the mailer (an entry of MAILERS) that the option `using` names."""

    def __init__(self, *, alias: str, using: str = "outbox", **options: Any) -> None:
        super().__init__(alias=alias, **options)
        if using not in mailers or using == alias:
            raise InvalidMailer(f'"using" in OPTIONS is another entry of MAILERS, not {using!r}.', alias=alias)
        self.using = using

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Enqueue them; how many. One that cannot be a mail (a line break in its subject) raises here."""
        calls: list[Call] = [(_arguments(self.using, mail), {}) for mail in email_messages if mail.recipients()]
        if calls:
            send.get_backend().enqueue_many(send, calls)  # type: ignore[attr-defined]  # of DurableBackend
        return len(calls)


@task(queue_name="critical", max_attempts=MOST_ATTEMPTS, retry_on=(OSError,), takes_context=True)
def send(context: DurableContext, mailer: str, sender: str, recipients: list[str], text: str) -> None:
    """Send one mail. Later attempts send it to those whom no earlier one could reach."""
    if not text:
        return  # an attempt that died behind the line below
    mail = StoredMail(sender, context.last_checkpoint or recipients, text)
    try:
        if refused := _deliver(mailer, mail):
            context.checkpoint(list(refused))
            raise smtplib.SMTPRecipientsRefused(refused)
    except smtplib.SMTPException as error:
        if is_final(error):
            raise MailRefused(str(error)) from error
        raise
    # Links that set a password are not left lying about. If they must be: a second mail would be worse.
    with suppress(*PASSING):
        queue.update(context.claimed, arguments={"args": [mailer, sender, recipients, ""], "kwargs": {}})


class StoredMail(EmailMessage):
    """A mail as it lies in the queue: who it is for is said apart from its headers, which do not name them all."""

    def __init__(self, sender: str, recipients: list[str], text: str) -> None:
        super().__init__(from_email=sender, bcc=recipients)
        self.text = text

    def message(self, *, policy: Any = default) -> MimeMessage:
        return message_from_string(self.text, policy=policy)


def is_final(error: smtplib.SMTPException) -> bool:
    """Whether the mail server will say the same next time. A wrong password may be put right meanwhile."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return all(code >= 500 for code, _ in refused.values())
        case smtplib.SMTPAuthenticationError():
            return False
        case smtplib.SMTPResponseException(smtp_code=code):
            return code >= 500
    return False


def _arguments(mailer: str, mail: EmailMessage) -> list[Any]:
    """What `send` is called with."""
    recipients = [str(address) for address in mail.recipients()]
    return [mailer, str(mail.from_email), recipients, mail.message(policy=ASCII).as_bytes().decode("ascii")]


def _deliver(mailer: str, mail: StoredMail) -> Refused:
    """Send a mail; who alone was refused. Django's SMTP backend does not tell, so smtplib is asked itself."""
    with mailers[mailer] as backend:
        if not isinstance(backend, SmtpBackend):
            backend.send_messages([mail])
            return {}
        addresses = [backend.prep_address(address) for address in mail.recipients()]
        connection: Any = backend.connection
        refused: Refused = connection.sendmail(backend.prep_address(mail.from_email), addresses, mail.text)
        return refused
