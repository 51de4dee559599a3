"""Django's task API on the durable backend."""

import uuid
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.tasks import TaskResultStatus, default_task_backend, task, task_backends
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist, TaskResultMismatch
from django.tasks.signals import task_enqueued, task_finished, task_started
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.table import queue
from tasks.table.statements import execute
from tests.tasks.sample_tasks import fail, note, note_later

pytestmark = pytest.mark.django_db


def test_an_enqueued_task_is_ready_and_in_the_database(run_one):
    result = note.enqueue(1, two={"three": [4]})

    assert (result.status, result.attempts, result.is_finished) == (TaskResultStatus.READY, 0, False)
    assert note.get_result(result.id).kwargs == {"two": {"three": [4]}}
    assert TaskRecord.objects.get(pk=result.id).queue == "default"


def test_a_result_is_brought_up_to_date_when_the_task_has_run(run_one):
    result = note.enqueue(1, two=2)
    run_one()
    result.refresh()

    assert result.status == TaskResultStatus.SUCCESSFUL
    assert result.return_value == {"args": [1], "kwargs": {"two": 2}}
    assert result.enqueued_at <= result.started_at <= result.finished_at
    assert result.started_at == result.last_attempted_at
    assert (result.attempts, result.errors) == (1, [])


def test_a_failed_task_has_its_error(run_one):
    result = fail.enqueue()
    run_one()
    result.refresh()

    assert result.status == TaskResultStatus.FAILED
    assert [error.exception_class for error in result.errors] == [ValueError]
    assert "as asked" in result.errors[0].traceback
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


def test_an_async_task_runs(run_one):
    note_later.enqueue(1)
    assert run_one().return_value == 2


def test_the_asynchronous_half_of_the_api_works():
    async def enqueue_and_get():
        result = await note.aenqueue(1)
        return await note.aget_result(result.id)

    assert async_to_sync(enqueue_and_get)().args == [1]


@pytest.mark.parametrize("result_id", [str(uuid.uuid7()), "no uuid"])
def test_an_unknown_result_does_not_exist(result_id):
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(result_id)


def test_a_result_of_another_task_is_a_mismatch():
    result = fail.enqueue()
    with pytest.raises(TaskResultMismatch):
        note.get_result(result.id)


def test_the_options_of_using_are_kept(run_one):
    later = timezone.now() + timedelta(days=1)
    result = note.using(queue_name="critical", priority=7, run_after=later).enqueue()
    found = note.get_result(result.id)

    assert (found.task.queue_name, found.task.priority, found.task.run_after) == ("critical", 7, later)


@pytest.mark.parametrize(
    "options",
    [
        {"queue_name": "unknown"},
        {"priority": 101},
        {"max_attempts": 0},
        {"on_lost": "shrug"},
        {"timeout": -1},
        {"timeout": "5m"},
        {"backoff": "5m"},
    ],
)
def test_wrong_options_are_refused_where_the_task_is_declared(options):
    with pytest.raises(InvalidTask):
        task(**options)(note.func)


def test_a_misspelled_queue_is_told_beside_those_that_there_are():
    with pytest.raises(InvalidTask, match=r'no queue "defualt" in TASKS\["default"\]\["QUEUES"\]: .*default'):
        task(queue_name="defualt")(note.func)


def test_arguments_that_json_cannot_hold_are_refused():
    with pytest.raises(TypeError, match=f"<class 'object'>: an argument of {note.module_path} must be JSON"):
        note.enqueue(object())
    assert not TaskRecord.objects.exists()


def test_django_s_signals_are_sent(run_one):
    seen = []
    receivers = []
    for signal, name in ((task_enqueued, "enqueued"), (task_started, "started"), (task_finished, "finished")):
        receiver = lambda sender, task_result, name=name, **_: seen.append((name, task_result.status))  # noqa: E731
        receivers.append(receiver)
        signal.connect(receiver)
    note.enqueue()
    run_one()

    assert seen == [("enqueued", "READY"), ("started", "RUNNING"), ("finished", "SUCCESSFUL")]


def test_many_are_enqueued_with_one_statement(monkeypatch):
    statements = []
    monkeypatch.setattr(queue, "execute", lambda *statement: statements.append(statement) or execute(*statement))

    results = task_backends["default"].enqueue_many(note, [((number,), {}) for number in range(500)])

    assert len(statements) == 1
    assert len({result.id for result in results}) == TaskRecord.objects.count() == 500


def test_it_is_gone_with_a_rollback_of_the_transaction():
    with transaction.atomic():
        note.enqueue()
        transaction.set_rollback(True)
    assert not TaskRecord.objects.exists()


def test_workers_are_woken_on_commit_and_not_before(django_capture_on_commit_callbacks, monkeypatch):
    woken = []
    monkeypatch.setattr("tasks.table.wakeup.wake", lambda queue, number=1, due=None: woken.append((queue, number)))
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic(), transaction.atomic():
            note.enqueue()
        with transaction.atomic():
            note.using(queue_name="critical").enqueue()
            transaction.set_rollback(True)
        assert woken == []
    assert woken == [("default", 1)]
