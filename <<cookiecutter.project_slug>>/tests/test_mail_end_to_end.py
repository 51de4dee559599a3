"""Mail of the running server: it leaves however much else there is to do, and in development it is shown at once."""

import pytest

from tests.server import Server, manage, running
from tests.site import gates
from tests.smtp import serving


@pytest.fixture
def mail_server():
    with serving() as mail_server:
        yield mail_server


def ask_for_password(server: Server, address: str) -> None:
    """As a browser does: the form, then its answer."""
    server.client.get("/accounts/password/")
    form = {"email": address, "csrfmiddlewaretoken": server.client.cookies["csrftoken"]}
    assert server.client.post("/accounts/password/", data=form).status_code == 302


def test_a_password_reset_leaves_while_everything_else_is_busy(tmp_path, mail_server):
    data = tmp_path / "data"
    busy = [gates.make(tmp_path, name) for name in ("exports", "images")]
    with running(data, EMAIL_URL=f"smtp://127.0.0.1:{mail_server.port}") as server:
        person = {"DJANGO_SUPERUSER_PASSWORD": "a first password"}
        manage(data, "createsuperuser", "--noinput", "--username=ada", "--email=ada@example.com", **person)
        for gate in busy:
            server.enqueue("wait_at", str(gate), queue_name=gate.name)
            gates.wait_for_arrival(gate)
        fill = (
            "from django.tasks import task_backends; from tests.site.tasks import add;"
            "[task_backends['default'].enqueue_many(add.using(queue_name=name), [((1, 1), {})] * 500)"
            " for name in ('exports', 'images')]"
        )
        manage(data, "shell", "-v", "0", "-c", fill)
        ask_for_password(server, "ada@example.com")
        (mail,) = mail_server.wait_for(1)

        assert mail.recipients == ["ada@example.com"]
        assert f"{server.url}/accounts/password/" in mail.message.get_content()
        assert server.metric("queue_running", queue="images") == 1  # which is still at its gate
        for gate in busy:
            gates.open_gate(gate)


def test_in_development_a_mail_is_shown_where_it_was_sent(tmp_path):
    manage(tmp_path, "migrate", "-v", "0")

    assert "To: ada@example.com" in manage(tmp_path, "sendtestemail", "ada@example.com")


def test_a_mail_of_another_process_is_sent_by_the_server(tmp_path, mail_server):
    address = {"EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}"}
    with running(tmp_path, **address):
        assert manage(tmp_path, "sendtestemail", "ada@example.com", **address) == ""

        assert mail_server.wait_for(1)[0].recipients == ["ada@example.com"]
