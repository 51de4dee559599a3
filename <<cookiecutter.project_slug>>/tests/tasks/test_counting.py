"""What waits and runs, by queue."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.table import counting, queue
from tests.tasks.sample_tasks import note

pytestmark = pytest.mark.django_db


def test_what_can_be_claimed_is_counted_over_all_priorities_with_the_oldest():
    for priority, seconds in ((0, 10), (5, 30), (0, 20), (-5, 5)):
        result = note.using(priority=priority).enqueue(1)
        ago = timezone.now() - timedelta(seconds=seconds)
        TaskRecord.objects.filter(pk=result.id).update(enqueued_at=ago)
    note.using(queue_name="exports").enqueue(1)
    note.using(queue_name="images", run_after=timezone.now() + timedelta(hours=1)).enqueue(1)
    note.using(queue_name="critical").enqueue(1)
    queue.claim("critical", "node/boot/critical-1/0")

    ready = counting.ready()
    assert {name: number for name, (number, _) in ready.items()} == {"default": 4, "exports": 1}
    assert 30_000 <= ready["default"][1] < 40_000
    assert ready["exports"][1] < 10_000
    assert counting.running() == {"critical": 1}
    assert set(counting.queues_with_work(("default", "images", "critical", "exports"))) == {"default", "exports"}


def test_a_task_for_later_has_waited_since_its_time():
    result = note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1)
    past = timezone.now() - timedelta(seconds=20)
    hour_ago = timezone.now() - timedelta(hours=1)
    TaskRecord.objects.filter(pk=result.id).update(enqueued_at=hour_ago, run_after=past, waits_until=None)

    assert 20_000 <= counting.ready()["default"][1] < 30_000


def test_an_empty_table():
    assert (counting.ready(), counting.running(), counting.queues_with_work(("default",))) == ({}, {}, [])
