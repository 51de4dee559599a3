"""The example of docs/tasks/chain.md."""

import pytest
from django.tasks import task

import tasks
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db


@task
def fetch(month: str) -> None: ...


@task(max_attempts=2, backoff=0)
def check(month: str) -> None:
    if month == "2026-13":
        raise ValueError("There is no such month.")


@task
def publish(month: str) -> None: ...


def close_month(month):
    with tasks.chain():
        fetch.enqueue(month)
        check.enqueue(month)
        return publish.enqueue(month)


def test_nothing_unchecked_is_published():
    good, bad = close_month("2026-10"), close_month("2026-13")
    run_pending()
    good.refresh()
    bad.refresh()

    assert good.status == "SUCCESSFUL"
    assert bad.errors[-1].exception_class is tasks.errors.ChainBroken  # says that `check` has failed
