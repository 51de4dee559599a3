"""Waiting for a task: who is told of its end, when, and what keeps nobody waiting for ever."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction
from django.utils import timezone

import tasks
from runtime.interpreter import inside
from runtime.shared import descriptors
from runtime.shared.board import Board, Cell
from runtime.shared.descriptors import Wakeups
from runtime.shared.plan import WorkerPool
from tasks import control
from tasks.errors import WaitsForever
from tasks.models import TaskRecord
from tasks.table import awaiting, queue
from tasks.worker.attempt import Attempt
from tests.runtime.make import make_assignment, make_plan
from tests.server import PROJECT
from tests.tasks import sample_tasks

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 60  # seconds: longer than any of this takes


@pytest.fixture
def assignment(tmp_path, monkeypatch):
    """This process looks like an interpreter of a server that has one place to wait at, and no net for a long time."""
    plan = make_plan(
        tmp_path,
        WorkerPool(name="default", queues=("default",)),
        WorkerPool(name="exports", queues=("exports",), threads=2),
        WorkerPool(name="critical", queues=("critical", "images")),
        WorkerPool(name="images", queues=("images",)),
    )  # fmt: skip
    wakeups = Wakeups.make(plan.queues, seats=4)
    made = make_assignment(plan, wakeups, name="web-1", pool="web", seats=(1,))
    monkeypatch.setattr(inside, "current", made)
    monkeypatch.setattr(inside, "board", Board(plan.queues, 4))
    monkeypatch.setattr(awaiting, "LONGEST_PAUSE", LONG)
    yield made
    wakeups.close()
    os.close(made.stop)
    os.close(made.watch)


@pytest.fixture
def before_sleep(monkeypatch):
    """Do something each time when the row has been looked at and the sleep has not begun; what was slept on."""
    slept_on = []

    def use(*actions):
        steps, sleep, sleep_in_loop = iter(actions), awaiting._sleep, awaiting._sleep_in_loop

        def step(descriptor, seconds):
            slept_on.append(descriptor)
            next(steps)()
            sleep(descriptor, seconds)

        async def step_in_loop(descriptor, seconds):
            slept_on.append(descriptor)
            await sync_to_async(next(steps))()
            await sleep_in_loop(descriptor, seconds)

        monkeypatch.setattr(awaiting, "_sleep", step)
        monkeypatch.setattr(awaiting, "_sleep_in_loop", step_in_loop)
        return slept_on

    return use


@pytest.fixture(params=["thread", "coroutine"])
def wait(request):
    return tasks.wait if request.param == "thread" else async_to_sync(tasks.await_result)


def run_next(name="default"):
    Attempt(queue.claim(name, "node/boot/default-1/0")).run()


def ends_within(seconds, wait, *arguments):
    started = time.monotonic()
    result = wait(*arguments)
    assert time.monotonic() - started < seconds
    return result


def test_a_finished_task_is_not_waited_for(assignment, before_sleep, wait):
    result = sample_tasks.note.enqueue(1)
    run_next()
    before_sleep()

    assert wait(result, LONG) is result
    assert result.return_value == {"args": [1], "kwargs": {}}
    assert wait(result, 0) is result


def test_the_end_of_a_task_wakes_who_waits_for_it(assignment, before_sleep, wait):
    result = sample_tasks.note.enqueue(1)
    slept_on = before_sleep(run_next)

    assert ends_within(LONG / 2, wait, result, LONG).status == "SUCCESSFUL"
    assert slept_on == [assignment.wakeups.finished[1]]


def test_it_wakes_who_sleeps_already(assignment, before_sleep):
    result = sample_tasks.note.enqueue(1)
    looked = threading.Event()
    before_sleep(looked.set)
    waiting = threading.Thread(target=in_thread(lambda: tasks.wait(result, LONG)))
    waiting.start()
    assert looked.wait(LONG)
    run_next()
    waiting.join(LONG / 2)

    assert not waiting.is_alive()
    assert result.is_finished


def in_thread(action):
    def run():
        try:
            action()
        finally:
            transaction.get_connection().close()

    return run


@pytest.mark.parametrize("end", ["fails", "is cancelled"])
def test_a_task_that_ends_otherwise_is_finished_as_well(assignment, before_sleep, wait, end):
    result = sample_tasks.fail.enqueue("ValueError")
    before_sleep(run_next if end == "fails" else lambda: control.cancel(TaskRecord.objects.get()))

    assert ends_within(LONG / 2, wait, result, LONG).status == "FAILED"
    assert result.errors


def test_a_task_that_is_tried_again_is_not_finished(assignment, before_sleep, wait, monkeypatch):
    monkeypatch.setattr(awaiting, "LONGEST_PAUSE", 0.001)
    result = sample_tasks.fail_three_times.enqueue()
    seen = []
    before_sleep(run_next, lambda: seen.append(result.status), run_next, run_next)

    assert wait(result, LONG).status == "FAILED"
    assert (seen, result.attempts) == (["READY"], 3)


def test_the_wait_ends_at_its_limit_and_gives_its_place_back(assignment, wait):
    result = sample_tasks.note.enqueue(1)
    with pytest.raises(TimeoutError, match=r"note .* is READY after 0\.01 s"):
        wait(result, 0.01)

    assert inside.board.seat(1)[Cell.AWAITED] == 0


def test_without_a_place_the_row_is_looked_at(assignment, before_sleep, wait):
    inside.board.seat(1)[Cell.AWAITED] = 1  # somebody else waits there
    result = sample_tasks.note.enqueue(1)
    slept_on = before_sleep(run_next)

    assert ends_within(LONG / 2, wait, result, LONG).is_finished
    assert slept_on == [None]
    assert inside.board.seat(1)[Cell.AWAITED] == 1


def test_another_process_looks_at_the_row_less_and_less_often(before_sleep, wait):
    result = sample_tasks.note.enqueue(1)
    slept_on = before_sleep(lambda: None, run_next)

    assert ends_within(LONG / 2, wait, result, LONG).is_finished
    assert slept_on == [None, None]
    pauses = awaiting._pauses(result, LONG, None)
    assert [next(pauses) for _ in range(8)] == [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5]


def test_what_ends_on_another_node_is_found(assignment, before_sleep, wait, monkeypatch):
    monkeypatch.setattr(awaiting, "LONGEST_PAUSE", 0.01)
    result = sample_tasks.note.enqueue(1)
    before_sleep(lambda: TaskRecord.objects.update(status="SUCCESSFUL", finished_at=timezone.now(), return_value=7))

    assert wait(result, LONG).return_value == 7


def test_all_who_wait_for_a_task_are_told_and_nobody_else(assignment):
    result, other = sample_tasks.note.enqueue(1), sample_tasks.note.enqueue(2)
    for seat, awaited in enumerate((result, other, result)):
        inside.board.seat(seat)[Cell.AWAITED] = awaiting._number(TaskRecord.objects.get(pk=awaited.id).pk)
    run_next()

    assert [descriptors.take(descriptor) for descriptor in assignment.wakeups.finished] == [True, False, True, False]


def test_a_signal_that_came_too_late_is_not_taken_for_the_next_task(assignment, before_sleep):
    descriptor, signalled = assignment.wakeups.finished[1], []
    descriptors.signal(descriptor)
    result = sample_tasks.note.enqueue(1)
    before_sleep(lambda: (signalled.append(descriptors.take(descriptor)), run_next()))

    assert tasks.wait(result, LONG).is_finished
    assert signalled == [False]


def test_nobody_can_wait_for_a_task_of_the_transaction_that_is_open(assignment, wait):
    with transaction.atomic(), pytest.raises(WaitsForever, match="transaction"):
        tasks.wait(sample_tasks.note.enqueue(1), LONG)


@pytest.mark.parametrize(
    ("own", "queue_name", "alone"),
    [
        ("default", "default", True), ("critical", "critical", True), ("critical", "default", False),
        ("critical", "images", False), ("exports", "exports", False), ("web", "default", False),
    ],
)  # fmt: skip
def test_the_only_thread_for_a_task_cannot_wait_for_it(assignment, monkeypatch, own, queue_name, alone):
    monkeypatch.setattr(inside, "current", replace(assignment, pool=own))
    result = sample_tasks.note.using(queue_name=queue_name).enqueue(1)

    with pytest.raises(WaitsForever if alone else TimeoutError):
        tasks.wait(result, 0)


def test_it_is_there_before_django_is():
    code = "import tasks, django; assert not hasattr(tasks, 'nothing'); django.setup(); tasks.wait, tasks.await_result"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
