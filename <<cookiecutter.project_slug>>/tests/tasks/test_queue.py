"""Claims: who gets which task, and whose outcome counts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.table import queue
from tests.tasks.sample_tasks import note

pytestmark = pytest.mark.django_db

ONE, OTHER = "node/boot/default-1/0", "node/boot/default-2/0"


def claim_all(name="default"):
    found = []
    while (task := queue.claim(name, ONE)) is not None:
        found.append(task.arguments["args"][0])
    return found


def test_priority_comes_before_age():
    for number, priority in enumerate([0, 5, 0, -5, 5]):
        note.using(priority=priority).enqueue(number)

    assert claim_all() == [1, 4, 0, 2, 3]


def test_a_task_has_one_holder():
    note.enqueue(1)

    assert queue.claim("default", ONE) is not None
    assert queue.claim("default", OTHER) is None


def test_queues_do_not_see_each_other():
    note.using(queue_name="exports").enqueue(1)

    assert queue.claim("default", ONE) is None
    assert claim_all("exports") == [1]


def test_a_claim_brings_what_the_row_says():
    result = note.enqueue(1, a="b")
    task = queue.claim("default", ONE)

    assert str(task.id) == result.id
    assert (task.arguments, task.attempt, task.history) == ({"args": [1], "kwargs": {"a": "b"}}, 1, [])
    assert task.enqueued_at == result.enqueued_at
    assert task.started_at.tzinfo is not None
    assert [held.id for held in queue.held(ONE)] == [task.id]
    assert queue.held(OTHER) == []


def test_an_outcome_counts_only_under_the_claim_that_is_held():
    note.enqueue(1)
    old = queue.claim("default", ONE)
    assert queue.release(old)
    new = queue.claim("default", OTHER)

    assert not queue.succeed(old, "late")
    assert not queue.fail(old)
    assert not queue.retry(old, timedelta(0))
    assert queue.succeed(new, "in time")
    assert not queue.succeed(new, "twice")
    record = TaskRecord.objects.get()
    assert (record.status, record.return_value, record.worker, record.claim) == ("SUCCESSFUL", "in time", OTHER, None)


def test_a_task_for_later_is_claimed_when_it_is_due():
    due = timezone.now() + timedelta(hours=1)
    note.using(run_after=due).enqueue(1)

    assert claim_all() == []
    assert queue.next_due() == due
    assert queue.promote(due - timedelta(seconds=1)) == {}
    assert queue.promote(due) == {"default": 1}
    assert queue.next_due() is None
    assert claim_all() == [1]


def test_a_time_that_has_passed_is_no_reason_to_wait():
    note.using(run_after=timezone.now() - timedelta(hours=1)).enqueue(1)

    assert claim_all() == [1]


def test_a_retry_waits_for_its_pause():
    note.enqueue(1)
    queue.retry(queue.claim("default", ONE), timedelta(minutes=1))

    assert claim_all() == []
    assert queue.promote(timezone.now() + timedelta(minutes=2)) == {"default": 1}
    assert queue.claim("default", ONE).attempt == 2


def test_a_released_task_has_lost_no_attempt():
    note.enqueue(1)
    queue.release(queue.claim("default", ONE))

    assert queue.claim("default", OTHER).attempt == 1
