"""InterpreterQueueBackend: what Django's own tests ask of its backends, and what is this one's alone."""

import json
import uuid
from datetime import datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.tasks import TaskResultStatus, task, task_backends
from django.tasks.exceptions import InvalidTask, TaskException
from django.tasks.signals import task_enqueued, task_finished, task_started
from django.utils import timezone

import tasks
from accounts.errors import refusal
from runtime.shared.memory_queue import PLACE
from tasks.backends import InterpreterQueueBackend
from tasks.errors import MemoryQueueFull, NoWorkersHere
from tasks.models import TaskRecord
from tasks.table import memory_queue
from tasks.table.chains import chain
from tasks.table.memory_queue import MemoryTask
from tasks.table.results import find_task
from tasks.testing import run_pending
from tests.tasks.sample_tasks import (
    fail,
    fail_three_times,
    never_twice,
    note,
    note_later,
    report,
    return_what_json_cannot_hold,
    say_who_i_am,
    with_every_option,
)

pytestmark = pytest.mark.django_db

SIZE = 3


@pytest.fixture(autouse=True)
def memory(settings):
    settings.TASKS = settings.TASKS | {
        "memory": {
            "BACKEND": "tasks.backends.InterpreterQueueBackend",
            "QUEUES": ["default", "critical"],
            "OPTIONS": {"size": SIZE},
        }
    }
    yield task_backends["memory"]
    memory_queue.outside.clear()


@pytest.fixture
def ended():
    """What task_finished tells, of each task that ends."""
    results = []
    receiver = lambda sender, task_result, **_: results.append(task_result)  # noqa: E731
    task_finished.connect(receiver)
    yield results
    task_finished.disconnect(receiver)


def in_memory(task, **options):
    return task.using(backend="memory", **options)


def run(ended):
    """Run the only task there is; its result."""
    assert run_pending() == 1
    return ended[-1]


# Django's API


def test_what_it_can_do(memory):
    assert isinstance(memory, InterpreterQueueBackend)
    assert (memory.supports_async_task, memory.supports_defer) == (True, False)
    assert (memory.supports_get_result, memory.supports_priority) == (False, False)


def test_what_enqueue_returns(calls):
    result = in_memory(note).enqueue(1, two={"three": (4,)})

    assert (result.status, result.attempts, result.is_finished) == (TaskResultStatus.READY, 0, False)
    assert (result.args, result.kwargs, result.backend) == ([1], {"two": {"three": [4]}}, "memory")
    assert (result.task, result.task.backend, uuid.UUID(result.id).version) == (in_memory(note), "memory", 7)
    assert result.enqueued_at <= timezone.now()
    assert (calls, TaskRecord.objects.exists()) == ([], False)
    with pytest.raises(ValueError, match="Task has not finished yet"):
        _ = result.return_value


def test_it_runs_with_what_it_was_called_with(ended, calls):
    enqueued = in_memory(note, queue_name="critical").enqueue(1, two=2)
    result = run(ended)

    assert calls == [((1,), {"two": 2})]
    assert (result.id, result.task, result.status) == (enqueued.id, enqueued.task, TaskResultStatus.SUCCESSFUL)
    assert (result.return_value, result.attempts, result.errors) == ({"args": [1], "kwargs": {"two": 2}}, 1, [])
    assert abs(result.enqueued_at - enqueued.enqueued_at) < timedelta(microseconds=2)
    assert result.enqueued_at <= result.started_at <= result.finished_at


def test_coroutines_run_and_coroutines_enqueue(ended):
    result = async_to_sync(in_memory(note_later).aenqueue)(1)
    assert (result.args, run(ended).return_value) == ([1], 2)


@pytest.mark.parametrize(
    "ask",
    [
        lambda result: result.refresh(),
        lambda result: result.task.get_result(result.id),
        lambda result: tasks.wait(result, 1),
    ],
)
def test_results_are_not_kept(ask):
    result = in_memory(note).enqueue()
    run_pending()
    with pytest.raises(NotImplementedError, match="does not support retrieving"):
        ask(result)


@pytest.mark.parametrize(
    "options",
    [
        {"priority": 1},
        {"run_after": datetime.fromisoformat("2030-01-01T00:00:00Z")},
        {"queue_name": "exports"},
    ],
)
def test_what_django_refuses(options):
    with pytest.raises(InvalidTask):
        in_memory(note, **options)


@pytest.mark.parametrize(
    ("each", "options"),
    [(fail_three_times, "max_attempts, backoff"), (with_every_option, "max_attempts, backoff, retry_on")],
)
def test_options_that_need_a_table_are_refused_by_name(each, options):
    with pytest.raises(InvalidTask, match=f"{each.module_path}: {options}: only the durable queue can do that"):
        in_memory(each)


def test_what_must_not_run_twice_is_welcome(ended):
    in_memory(never_twice).enqueue()
    assert run(ended).status == TaskResultStatus.SUCCESSFUL


def test_a_task_that_is_declared_for_memory_has_a_timeout():
    declared = task(backend="memory", timeout=2.5)(note.func)
    assert (type(declared), declared.timeout) == (MemoryTask, 2.5)
    with pytest.raises(InvalidTask, match="0 or more"):
        task(backend="memory", timeout=-1)(note.func)
    with pytest.raises(TypeError, match="max_attempts"):
        task(backend="memory", max_attempts=2)(note.func)


@pytest.mark.parametrize("argument", [object(), datetime(2030, 1, 1), {1, 2}])
def test_arguments_that_json_cannot_hold_are_refused(argument):
    with pytest.raises(TypeError):
        in_memory(note).enqueue(argument)
    assert run_pending() == 0


def test_django_s_signals_are_sent():
    seen, receivers = [], []
    for signal, name in ((task_enqueued, "enqueued"), (task_started, "started"), (task_finished, "finished")):
        receiver = lambda sender, task_result, name=name, **_: seen.append((sender, name, task_result.status))  # noqa: E731
        receivers.append(receiver)
        signal.connect(receiver)
    in_memory(note).enqueue()
    run_pending()

    assert [(name, status) for _, name, status in seen] == [
        ("enqueued", "READY"), ("started", "RUNNING"), ("finished", "SUCCESSFUL"),
    ]  # fmt: skip
    assert {sender for sender, _, _ in seen} == {InterpreterQueueBackend}


# Ends


@pytest.mark.parametrize(
    ("each", "error"), [(fail, ValueError), (return_what_json_cannot_hold, TypeError), (fail, SystemExit)]
)
def test_a_failure_is_told_with_its_traceback_and_not_tried_again(ended, caplog, each, error):
    in_memory(each).enqueue(*["SystemExit"] * (error is SystemExit))
    result = run(ended)

    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 1)
    assert result.errors[0].exception_class is error
    assert "Traceback" in result.errors[0].traceback
    assert f"{each.module_path} {result.id} failed: {error.__name__}(" in caplog.text


def test_a_task_that_is_no_more_is_logged(monkeypatch, caplog, ended):
    in_memory(note).enqueue()
    monkeypatch.setattr("tasks.worker.attempt.find_task", lambda path: find_task("shop.tasks.gone"))
    assert run_pending() == 1
    assert "failed: TaskNotFound(" in caplog.text


def test_its_context_knows_who_it_is(ended):
    result = in_memory(say_who_i_am).enqueue("argument")
    assert run(ended).return_value == [result.id, "RUNNING", 1, 1, "argument"]


def test_progress_and_checkpoints_are_kept_nowhere(ended):
    in_memory(count).enqueue(2)
    assert run(ended).return_value == [None, 2]
    assert not TaskRecord.objects.exists()


@task(takes_context=True)
def count(context, end):
    first = context.last_checkpoint
    for number in range(1, end + 1):
        context.progress(number, end)
        context.checkpoint(number)
    return [first, context.last_checkpoint]


@pytest.mark.parametrize("block", [chain, lambda: tasks.batch(then=report)])
def test_in_a_chain_or_a_batch_it_is_refused(block):
    with pytest.raises(InvalidTask, match="cannot be part of one"), block():
        in_memory(note).enqueue()


def test_run_pending_runs_nothing_of_a_paused_queue(calls):
    tasks.queues.pause("default")
    note.enqueue("table")
    in_memory(note).enqueue("memory, with the commit")
    assert run_pending() == 0
    tasks.queues.resume("default")

    assert run_pending() == 2
    assert [args for args, _ in calls] == [("table",), ("memory, with the commit",)]


# Room


@pytest.mark.django_db(transaction=True)
def test_a_full_queue_refuses_one_more_and_says_what_to_do(calls):
    for number in range(SIZE):
        in_memory(note).enqueue(number)
    in_memory(note, queue_name="critical").enqueue("another queue")

    with pytest.raises(MemoryQueueFull, match="3 tasks of the queue default wait or run") as error:
        in_memory(note).enqueue(SIZE)
    assert 'raise TASKS["memory"]["OPTIONS"]["size"]' in str(error.value)
    assert isinstance(error.value, TaskException)
    assert run_pending() == SIZE + 1
    assert [args for args, _ in calls] == [(0,), (1,), (2,), ("another queue",)]


def test_the_api_answers_503_when_a_queue_is_full():
    answer = refusal(MemoryQueueFull("shop.tasks.order: 3 tasks wait")).response()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert json.loads(answer.content)["error"]["type"] == "ServiceUnavailable"


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=f"and {PLACE} fit into a memory queue. Pass a key to what is large"):
        in_memory(note).enqueue("x" * PLACE)
    in_memory(note).enqueue("x" * (PLACE - 300))
    assert run_pending() == 1


def test_without_a_server_it_is_refused(monkeypatch):
    monkeypatch.setattr(memory_queue, "outside", {})
    with pytest.raises(NoWorkersHere, match=r"this process runs no workers\. Enqueue to a durable backend"):
        in_memory(note).enqueue()


# Transactions


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_it_is_enqueued_with_the_commit(calls):
    with transaction.atomic(), transaction.atomic():
        in_memory(note).enqueue("committed")
        assert memory_queue.outside["default"].number_waiting == 0
    with transaction.atomic():
        in_memory(note).enqueue("rolled back")
        transaction.set_rollback(True)

    assert run_pending() == 1
    assert calls == [(("committed",), {})]


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_full_at_the_commit_loses_it_and_says_so(caplog):
    after = []
    with transaction.atomic():
        in_memory(note).enqueue("too late")
        transaction.on_commit(lambda: after.append("others go on"))
        for _ in range(SIZE):
            memory_queue.outside["default"].post(letter_of(note))

    assert "memory_tasks_lost number=1 tasks=tests.tasks.sample_tasks.note reason=" in caplog.text
    assert after == ["others go on"]


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_full_in_a_transaction_refuses_at_once():
    for _ in range(SIZE):
        in_memory(note).enqueue()
    with pytest.raises(MemoryQueueFull), transaction.atomic():
        in_memory(note).enqueue()


def letter_of(task):
    return memory_queue.Letter(bytes(16), task.module_path, "memory", "default", {"args": [], "kwargs": {}}, 0.0)
