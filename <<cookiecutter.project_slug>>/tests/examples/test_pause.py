"""The example of docs/tasks/pause.md."""

import pytest
from django.tasks import task

import tasks
from tasks.models import TaskRecord
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db

away = True
uploaded = []


class ProviderIsAway(Exception): ...


def upload(report_id: int) -> None:
    if away:
        raise ProviderIsAway
    uploaded.append(report_id)


@task(queue_name="exports", max_attempts=10, backoff=0)
def export(report_id: int) -> None:
    try:
        upload(report_id)
    except ProviderIsAway:
        tasks.queues.pause("exports")
        raise


def test_the_queue_waits_until_somebody_resumes_it(monkeypatch):
    for number in range(3):
        export.enqueue(number)
    assert run_pending() == 1
    assert TaskRecord.objects.filter(status="READY").count() == 3

    monkeypatch.setitem(globals(), "away", False)
    assert tasks.queues.resume("exports")
    assert run_pending() == 3
    assert sorted(uploaded) == [0, 1, 2]
