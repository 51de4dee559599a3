"""The example of docs/tasks/testing.md."""

from contextlib import suppress

from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.tasks import task
from django.test import TestCase

from tasks.models import TaskRecord
from tasks.testing import run_pending


@task
def welcome(address: str) -> None:
    EmailMessage("Welcome", "Hello.", to=[address]).send()


def sign_up(address: str) -> None:
    User.objects.create_user(address)
    welcome.enqueue(address)


class SignUpTest(TestCase):
    def test_a_welcome_goes_out_after_the_sign_up(self):
        sign_up("ada@example.com")
        assert TaskRecord.objects.get().task == welcome.module_path
        assert mail.outbox == []

        assert run_pending() == 1
        assert mail.outbox[0].to == ["ada@example.com"]

    def test_a_sign_up_that_is_rolled_back_sends_nothing(self):
        with suppress(IntegrityError), transaction.atomic():
            sign_up("ada@example.com")
            sign_up("ada@example.com")

        assert run_pending() == 0
