"""The example of docs/tasks/batch.md."""

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import mail_admins
from django.tasks import task

import tasks
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db


class Author:
    """A model of the page: in this project the users have a unique name."""

    class objects:
        @staticmethod
        def create(name: str) -> None:
            User.objects.create_user(name)


@task
def import_row(row: dict[str, str]) -> None:
    Author.objects.create(name=row["name"])


@task
def report(batch: str, successful: int, failed: int) -> None:
    mail_admins("Import", f"{successful} rows imported, {failed} not.")


def import_authors(rows: list[dict[str, str]]) -> str:
    with tasks.batch(then=report) as batch:
        for row in rows:
            import_row.enqueue(row)
    return batch.id


def test_the_report_comes_after_the_last_row(settings):
    settings.ADMINS = ["ada@example.com"]
    import_authors([{"name": "Ada"}, {"name": "Grace"}, {"surname": "Hopper"}])

    assert run_pending() == 4
    assert set(User.objects.values_list("username", flat=True)) == {"Ada", "Grace"}
    assert [each.body for each in mail.outbox] == ["2 rows imported, 1 not."]


def test_nothing_to_import_is_reported_as_well(settings):
    settings.ADMINS = ["ada@example.com"]
    import_authors([])

    assert run_pending() == 1
    assert [each.body for each in mail.outbox] == ["0 rows imported, 0 not."]
