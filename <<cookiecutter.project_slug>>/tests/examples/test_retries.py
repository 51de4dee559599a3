"""The example of docs/tasks/retries.md."""

import pytest
from django.tasks import TaskContext, TaskResult, task
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.table import queue
from tasks.table.recovery import recover
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db

answers = []


class TooManyRequests(Exception):
    retry_after = 120


def download(url: str) -> bytes:
    answer = answers.pop(0)
    if isinstance(answer, Exception):
        raise answer
    return answer


def take_money(order: int, key: str) -> str:
    return download(key).decode()


@task(max_attempts=5, backoff=60, retry_on=(ConnectionError,), timeout=30)
def fetch(url: str) -> int:
    return len(download(url))


def as_the_provider_asks(exception: BaseException, task_result: TaskResult) -> float:
    return getattr(exception, "retry_after", 10 * task_result.attempts)


@task(max_attempts=3, backoff=as_the_provider_asks, on_lost="fail", takes_context=True)
def charge(context: TaskContext, order: int) -> str:
    return take_money(order, f"order-{order}")


@pytest.fixture(autouse=True)
def no_answers():
    answers.clear()


def run_again() -> TaskRecord:
    """Run what waits, however long it is to wait yet."""
    TaskRecord.objects.update(waits_until=None)
    assert run_pending() == 1
    return TaskRecord.objects.get()


def pause_of(record: TaskRecord) -> float:
    return (record.waits_until - timezone.now()).total_seconds()


def test_what_passes_is_tried_again_and_what_does_not_is_final():
    answers[:] = [ConnectionError(), b"four", ValueError()]
    fetch.enqueue("https://example.com")
    assert run_pending() == 1
    assert 55 < pause_of(TaskRecord.objects.get()) <= 75
    record = run_again()
    assert (record.status, record.return_value, record.attempt) == ("SUCCESSFUL", 4, 2)

    failed = fetch.enqueue("https://example.com")
    run_pending()
    failed.refresh()
    assert (failed.status, failed.attempts) == ("FAILED", 1)


def test_the_pause_is_as_the_provider_asks():
    answers[:] = [TooManyRequests(), KeyError(), b"receipt"]
    charge.enqueue(17)
    run_pending()
    assert 115 < pause_of(TaskRecord.objects.get()) <= 120
    assert 15 < pause_of(run_again()) <= 20
    assert run_again().return_value == "receipt"


def test_what_must_not_run_twice_has_failed_after_a_crash():
    charge.enqueue(17)
    fetch.enqueue("https://example.com")
    for _ in range(2):
        assert queue.claim("default", "node/killed/default-1/0")
    recover("node", "node/next")

    assert TaskRecord.objects.get(task=charge.module_path).status == "FAILED"
    assert TaskRecord.objects.get(task=fetch.module_path).status == "READY"
