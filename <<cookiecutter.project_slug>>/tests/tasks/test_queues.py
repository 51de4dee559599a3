"""Pausing a queue: who may begin its tasks, who is woken for them, and what the command and the admin make of it."""

import io
import os
import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

import tasks
from runtime.interpreter import inside
from runtime.interpreter.inside import Seat
from runtime.shared import descriptors
from runtime.shared.board import Board, Cell, Gauge, pool_number
from runtime.shared.descriptors import Wakeups
from runtime.shared.plan import WorkerPool
from tasks import control, queues
from tasks.house import keeper
from tasks.models import PausedQueue, TaskRecord
from tasks.table import counting, queue
from tasks.testing import run_pending
from tasks.worker.attempt import Attempt
from tasks.worker.mailbox import Mailbox
from tests.runtime.make import make_assignment, make_plan
from tests.tasks.sample_tasks import fail, note

HOLDER = "node/boot/default-1/0"

pytestmark = pytest.mark.django_db


def claim(name="default"):
    return queue.claim(name, HOLDER)


def test_no_task_of_a_paused_queue_is_claimed_until_it_is_resumed():
    note.enqueue(1)
    note.using(queue_name="exports").enqueue(2)
    assert tasks.queues.pause("default")
    note.enqueue(3)

    assert claim() is None
    assert claim("exports").arguments["args"] == [2]
    assert tasks.queues.resume("default")
    assert [claim().arguments["args"] for _ in range(2)] == [[1], [3]]


def test_it_can_be_paused_and_resumed_twice():
    assert [queues.pause("default"), queues.pause("default")] == [True, False]
    assert queues.paused() == {"default"}
    assert [queues.resume("default"), queues.resume("default")] == [True, False]
    assert queues.paused() == set()


def test_a_queue_that_the_settings_do_not_have_is_refused_but_may_be_resumed():
    with pytest.raises(ValueError, match="no queue 'nope'; there are critical, default"):
        queues.pause("nope")
    PausedQueue.objects.create(name="of-yesterday")
    assert queues.resume("of-yesterday")


def test_a_queue_that_is_in_memory_alone_can_be_paused_and_one_of_another_backend_cannot(settings):
    memory = {"BACKEND": "tasks.backends.InterpreterQueueBackend", "QUEUES": ["caches"]}
    other = {"BACKEND": "django.tasks.backends.dummy.DummyBackend", "QUEUES": ["others"]}
    settings.TASKS = settings.TASKS | {"memory": memory, "other": other}
    assert queues.pause("caches")
    with pytest.raises(ValueError, match="no queue 'others'"):
        queues.pause("others")


def test_what_runs_goes_on_and_may_end():
    note.enqueue(1)
    running = claim()
    queues.pause("default")

    assert queue.succeed(running, None)


def test_what_is_retried_cancelled_or_due_in_a_paused_queue_waits_there(run_one):
    queues.pause("default")
    fail.enqueue()
    control.cancel(TaskRecord.objects.get())
    control.retry(TaskRecord.objects.get())
    later = note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue()
    assert queue.promote(timezone.now() + timedelta(hours=2)) == {"default": 1}

    assert claim() is None
    assert TaskRecord.objects.get(pk=later.id).status == "READY"
    assert counting.ready()["default"][0] == 2


def test_run_pending_leaves_a_paused_queue_alone(calls):
    queues.pause("default")
    note.enqueue(1)
    note.using(queue_name="exports").enqueue(2)

    assert run_pending() == 1
    assert calls == [((2,), {})]


def test_a_pause_is_undone_with_its_transaction():
    note.enqueue(1)
    with transaction.atomic():
        queues.pause("default")
        transaction.set_rollback(True)

    assert claim() is not None


if connection.vendor == "postgresql":  # SQLite's writes come one after the other

    @pytest.mark.django_db(transaction=True)
    def test_a_pause_returns_after_the_claims_that_have_not_seen_it():
        note.enqueue(1)
        claimed, may_commit, paused = threading.Event(), threading.Event(), threading.Event()

        def claim_slowly():
            with transaction.atomic():
                assert claim() is not None
                claimed.set()
                assert may_commit.wait(10)
            connection.close()

        def pause():
            queues.pause("default")
            paused.set()
            connection.close()

        threads = [threading.Thread(target=claim_slowly), threading.Thread(target=pause)]
        threads[0].start()
        assert claimed.wait(10)
        threads[1].start()
        while not PausedQueue.objects.exists():
            time.sleep(0.001)
        assert not paused.wait(0.1)
        may_commit.set()
        for thread in threads:
            thread.join()
        assert paused.is_set()


@pytest.fixture
def assignment(tmp_path, monkeypatch):
    """Of the interpreter that keeps house; this process looks like it."""
    plan = make_plan(tmp_path, WorkerPool(name="default", queues=("default", "exports")))
    wakeups = Wakeups.make(plan.queues, seats=4)
    assignment = make_assignment(plan, wakeups)
    board = Board(plan.queues, 4)
    board.seat(0)[Cell.POOL] = pool_number("default")
    monkeypatch.setattr(inside, "current", assignment)
    monkeypatch.setattr(inside, "board", board)
    yield assignment
    wakeups.close()
    os.close(assignment.stop)
    os.close(assignment.watch)


def signals(assignment, name="default"):
    descriptor = assignment.wakeups.queues[name]
    return sum(iter(lambda: descriptors.take(descriptor), False))


def keep_house(assignment):
    keeper._keep_house(assignment, count=False)


@pytest.mark.django_db(transaction=True)
def test_nobody_is_woken_for_a_paused_queue(assignment):
    note.enqueue(1)
    queues.pause("default")
    assert descriptors.take(assignment.wakeups.housekeeper)
    keep_house(assignment)
    assert signals(assignment) == 0  # the one of the task before the pause is taken back

    note.enqueue(2)
    note.using(queue_name="exports").enqueue(3)
    TaskRecord.objects.create(
        task=note.module_path, backend="default", queue="default", priority=0, arguments={"args": [], "kwargs": {}},
        enqueued_at=timezone.now(), waits_until=timezone.now(),
    )  # fmt: skip
    keep_house(assignment)
    assert (signals(assignment), signals(assignment, "exports")) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_resume_wakes_as_many_workers_as_tasks_wait(assignment):
    queues.pause("default")
    keep_house(assignment)
    for number in range(3):
        note.enqueue(number)
    queues.resume("default")
    assert inside.board.gauges("default")[Gauge.PAUSED] == 1
    keep_house(assignment)

    assert inside.board.gauges("default")[Gauge.PAUSED] == 0
    assert signals(assignment) == 3
    note.enqueue(4)
    assert signals(assignment) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known_to_the_board", [True, False])
def test_no_task_is_handed_over_in_a_paused_queue(assignment, known_to_the_board):
    seat = Seat(assignment, inside.board, 0)
    box = Mailbox(seat, partial(Attempt, seat=seat))
    box.offer()
    queues.pause("default")
    if known_to_the_board:
        keep_house(assignment)
    result = note.enqueue(1)

    assert TaskRecord.objects.get(pk=result.id).status == "READY"
    if not known_to_the_board:  # else the worker was left in peace
        assert box.collect() is None
        box.offer()
    queues.resume("default")
    keep_house(assignment)
    assert TaskRecord.objects.get(pk=note.enqueue(2).id).status == "RUNNING"


def said(*arguments):
    output = io.StringIO()
    call_command("tasks", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_pauses_and_resumes_and_shows_the_queues():
    note.enqueue(1)
    claim()
    note.enqueue(2)

    assert said("pause", "default", "exports") == "default: paused.\nexports: paused.\n"
    assert said("pause", "default") == "default: was paused already.\n"
    rows = [row.split() for row in said().splitlines()]
    assert rows[0] == ["queue", "state", "ready", "running", "oldest"]
    assert ["critical", "open", "0", "0"] in [row[:4] for row in rows]
    assert ["default", "paused", "1", "1"] in [row[:4] for row in rows]
    assert said("resume", "default") == "default: resumed.\n"
    with pytest.raises(CommandError, match="no queue"):
        said("pause", "nope")


def test_the_command_lists_retries_and_cancels_what_is_chosen(run_one):
    fail.enqueue()
    failed = run_one()
    note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1)
    exported = note.using(queue_name="exports").enqueue(2)

    assert [line.split()[3] for line in said("list").splitlines()] == ["READY", "WAITING", "FAILED"]
    assert "builtins.ValueError" in said("list", "--state", "failed")
    assert said("list", "--queue", "exports").startswith(exported.id)
    assert said("list", "--task", fail.module_path, "--limit", "5").startswith(str(failed.pk))
    assert said("retry", str(failed.pk)) == "1 of 1 put back into the queue.\n"
    assert said("retry", "--all") == "0 of 0 put back into the queue.\n"
    assert said("cancel", "--queue", "default") == "2 of 2 cancelled.\n"
    assert said("cancel", "--all") == "1 of 1 cancelled.\n"
    with pytest.raises(CommandError, match="Which tasks"):
        said("cancel")


def test_the_admin_pauses_resumes_and_shows_it(admin_client):
    note.enqueue(1)
    page = admin_client.get("/admin/tasks/pausedqueue/add/").content.decode()
    assert '<option value="critical">' in page
    admin_client.post("/admin/tasks/pausedqueue/add/", {"name": "default"})
    assert queues.paused() == {"default"}
    assert "default (paused)" in admin_client.get("/admin/tasks/taskrecord/").content.decode()
    assert admin_client.post("/admin/tasks/pausedqueue/add/", {"name": "nope"}).status_code == 200

    admin_client.post("/admin/tasks/pausedqueue/default/delete/", {"post": "yes"})
    assert queues.paused() == set()
    queues.pause("default")
    chosen = {"action": "delete_selected", "_selected_action": ["default"], "post": "yes"}
    admin_client.post("/admin/tasks/pausedqueue/", chosen)
    assert queues.paused() == set()
