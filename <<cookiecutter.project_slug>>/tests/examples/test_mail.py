"""The example of docs/tasks/mail.md."""

import contextlib

import pytest
from django.core import mail
from django.core.mail import send_mail
from django.db import transaction

from tasks.testing import run_pending

pytestmark = pytest.mark.django_db


class CardIsRefused(Exception): ...


def charge(order: str) -> None:
    if order == "too much":
        raise CardIsRefused


def accept(order: str, address: str) -> None:
    with transaction.atomic():
        charge(order)
        send_mail("Thank you", f"Your order {order} is on its way.", "shop@example.com", [address])


MAILERS = {
    "default": {"BACKEND": "tasks.mail.EmailBackend"},  # enqueues
    "outbox": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"},  # sends; the project's comes from EMAIL_URL
}


def test_a_mail_is_sent_by_a_worker_and_only_for_what_was_committed(settings):
    settings.MAILERS = MAILERS
    accept("17", "ada@example.com")
    with contextlib.suppress(CardIsRefused):
        accept("too much", "bob@example.com")
    assert mail.outbox == []

    assert run_pending() == 1
    assert [(each.recipients(), each.message()["Subject"]) for each in mail.outbox] == [
        (["ada@example.com"], "Thank you")
    ]
