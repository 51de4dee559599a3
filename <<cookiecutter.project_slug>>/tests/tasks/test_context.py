"""What a task that takes a context can do while the database takes nothing."""

import logging

import pytest
from django.db import IntegrityError, OperationalError

from tasks.models import TaskRecord
from tasks.table import queue
from tasks.table.results import as_result
from tasks.worker.context import DurableContext
from tests.tasks.sample_tasks import go_on

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def context(monkeypatch):
    monkeypatch.setattr("tasks.worker.context.WRITE_EVERY", 0)
    go_on.enqueue(1)
    claimed = queue.claim("default", "node/boot/default-1/0")
    return DurableContext(task_result=as_result(claimed), claimed=claimed)


def fail_with(error):
    def update(*arguments, **fields):
        raise error

    return update


def test_progress_and_checkpoint_are_written(context):
    context.progress(1, 2)
    context.checkpoint({"at": 1})

    record = TaskRecord.objects.get()
    assert (record.progress, record.checkpoint) == ({"done": 1, "total": 2}, {"at": 1})


def test_a_task_does_not_fail_of_progress_that_cannot_be_written(context, monkeypatch, caplog):
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "tasks"):
        patch.setattr(queue, "update", fail_with(OperationalError("database is locked")))
        context.progress(1, 2)
        context.checkpoint({"at": 1})
        assert context.last_checkpoint == {"at": 1}
    assert "database is locked" in caplog.text
    context.progress(2, 2)

    record = TaskRecord.objects.get()
    assert (record.progress, record.checkpoint) == ({"done": 2, "total": 2}, {"at": 1})


def test_a_fault_of_ours_is_not_passed_over(context, monkeypatch):
    monkeypatch.setattr(queue, "update", fail_with(IntegrityError("no")))
    with pytest.raises(IntegrityError):
        context.progress(1, 2)
