"""A worker thread beside the table and the memory queues: what it takes next, and what main can see in its hand."""

import pytest
from django.db import OperationalError

from runtime.interpreter import inside
from runtime.shared import descriptors
from runtime.shared.board import Cell, Gauge
from runtime.shared.memory_queue import MemoryQueue
from tasks.table import queue
from tasks.worker import loop
from tasks.worker.waiting import MOST_FROM_MEMORY, Waiting
from tests.tasks.sample_tasks import note

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def memory(settings):
    backend = {"BACKEND": "tasks.backends.InterpreterQueueBackend", "QUEUES": ["default"]}
    settings.TASKS = settings.TASKS | {"memory": backend}


@pytest.fixture
def waiting(seat):
    seat.assignment.wakeups.memory.update(MemoryQueue.make_all((("default", 100),)))
    return Waiting(seat, seat.assignment.plan.workers[1], takes_along=True)


def enqueue(memory=0, table=0):
    for _ in range(memory):
        note.using(backend="memory").enqueue("memory")
    for _ in range(table):
        note.enqueue("table")


def taken(waiting, number):
    """Where the next tasks come from, each of which is run."""
    backends = []
    for _ in range(number):
        attempt = waiting.next_attempt()
        attempt.run()
        waiting.go_on_after(attempt)
        backends.append(attempt.claimed.backend)
    return backends


def test_where_both_are_full_they_take_turns(waiting):
    enqueue(memory=4, table=4)
    assert taken(waiting, 8) == ["memory", "default"] * 4
    assert waiting.next_attempt() is None


@pytest.mark.parametrize("kind", ["memory", "table"])
def test_where_one_is_empty_the_other_is_not_kept_waiting(waiting, kind):
    enqueue(**{kind: 3})
    assert len(taken(waiting, 3)) == 3
    assert waiting.next_attempt() is None


def test_what_comes_meanwhile_waits_for_one_more_that_was_taken_along(waiting):
    enqueue(table=3)
    assert taken(waiting, 1) == ["default"]
    enqueue(memory=1)
    assert taken(waiting, 3) == ["default", "memory", "default"]


def test_a_task_that_nobody_was_woken_for_is_found_after_a_while(waiting, seat):
    enqueue(memory=30, table=1)
    while descriptors.take(seat.assignment.wakeups.queues["default"]):
        pass
    assert taken(waiting, MOST_FROM_MEMORY + 1) == ["memory"] * MOST_FROM_MEMORY + ["default"]


def test_the_table_is_left_alone_while_it_has_nothing(waiting, monkeypatch):
    enqueue(memory=MOST_FROM_MEMORY)
    monkeypatch.setattr(queue, "claim", None)
    assert taken(waiting, MOST_FROM_MEMORY) == ["memory"] * MOST_FROM_MEMORY


def test_what_is_in_memory_runs_while_the_database_is_away(waiting, monkeypatch):
    enqueue(memory=3, table=1)

    def away(*arguments):
        raise OperationalError

    monkeypatch.setattr(queue, "claim", away)
    for _ in range(3):
        assert taken(waiting, 1) == ["memory"]
        with pytest.raises(OperationalError):
            waiting.claim()
        waiting.pause_without_database()  # returns at once, as there is a signal


def test_main_sees_what_is_in_hand_until_it_has_ended(waiting, seat):
    enqueue(memory=1)
    memory = seat.assignment.wakeups.memory["default"]
    attempt = waiting.claim()
    place = seat.row[Cell.LETTER] - 1
    assert memory.read(place).task == note.module_path

    loop.run_attempt(attempt, seat)
    assert (seat.row[Cell.LETTER], memory.free.qsize()) == (0, 100)
    assert seat.board.outcomes("default")["successful"] == 1


def test_one_that_may_not_run_now_goes_back(waiting, seat):
    enqueue(memory=2)
    first = waiting.claim()
    first.defer(1)
    assert seat.row[Cell.LETTER] == 0

    second, again = waiting.claim(), waiting.claim()
    assert second.claimed.id != first.claimed.id == again.claimed.id


def test_who_is_held_takes_none(waiting, seat):
    enqueue(memory=1)
    seat.row[Cell.HELD] = 1
    assert waiting.claim() is None
    seat.row[Cell.HELD] = 0
    assert taken(waiting, 1) == ["memory"]


def test_while_its_queue_is_paused_none_is_taken_and_nobody_is_woken(waiting, seat, monkeypatch):
    monkeypatch.setattr(inside, "board", seat.board)
    gauges = seat.board.gauges("default")
    gauges[Gauge.PAUSED] = 1
    enqueue(memory=2)
    memory = seat.assignment.wakeups.memory["default"]
    assert waiting.claim() is None
    assert (memory.number_waiting, descriptors.take(memory.signal), waiting.letters.wait()) == (2, False, False)
    gauges[Gauge.PAUSED] = 0

    assert taken(waiting, 2) == ["memory", "memory"]


def test_a_sleeping_worker_is_woken_by_one(waiting, seat):
    assert waiting.claim() is None
    descriptors.signal(seat.assignment.wakeups.queues["default"])
    waiting.wait()
    enqueue(memory=1)
    waiting.wait()  # takes the signal: it comes back to look again
    assert taken(waiting, 1) == ["memory"]


def test_at_a_stop_a_thread_stays_as_long_as_main_says(waiting, seat):
    assert not waiting.letters.must_be_run()
    seat.row[Cell.DRAINS] = 1
    assert waiting.letters.must_be_run()
