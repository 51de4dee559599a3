"""When an interpreter has served long enough."""

import time

import pytest

from runtime.interpreter.host import Host
from runtime.shared.board import Board, Cell
from runtime.shared.descriptors import Wakeups
from runtime.shared.plan import WebPool, WorkerPool
from runtime.supervise.renewal import due
from tests.runtime.make import make_assignment, make_plan

WORKERS = WorkerPool(name="default", queues=("default",), threads=2, max_tasks=10, max_growth=1000)


@pytest.fixture
def board():
    return Board(("default",), 4)


@pytest.fixture
def host(tmp_path):
    """One with two threads, ready, with 500 objects."""
    plan = make_plan(tmp_path, WORKERS)
    wakeups = Wakeups.make(plan.queues)
    host = Host(make_assignment(plan, wakeups, seats=(0, 1)), [])
    host.ready, host.objects = True, 500
    yield host
    host.close()
    wakeups.close()


def has_done(board, *numbers):
    for seat, number in enumerate(numbers):
        board.seat(seat)[Cell.DONE] = number


@pytest.mark.parametrize(("done", "reason"), [((4, 5), ""), ((4, 6), "max_tasks"), ((0, 20), "max_tasks")])
def test_the_tasks_of_all_its_threads_count(board, host, done, reason):
    has_done(board, *done)

    assert due(board, WORKERS, host) == reason


@pytest.mark.parametrize(("done", "reason"), [((4, 5), ""), ((4, 6), "max_requests")])
def test_requests_count_for_the_web(board, host, done, reason):
    has_done(board, *done)

    assert due(board, WebPool(max_requests=10), host) == reason


@pytest.mark.parametrize(("objects", "reason"), [(0, ""), (500, ""), (1500, ""), (1501, "max_growth")])
def test_it_may_grow_by_so_many_objects_since_it_became_ready(board, host, objects, reason):
    board.seat(0)[Cell.OBJECTS] = objects

    assert due(board, WORKERS, host) == reason


def test_without_the_options_nobody_is_recycled(board, host):
    has_done(board, 10**9)
    board.seat(0)[Cell.OBJECTS] = 10**9

    assert due(board, WorkerPool(name="default", queues=("default",)), host) == ""
    assert due(board, WebPool(), host) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ready", False),
        ("being_replaced", True),
        ("on_trial", True),
        ("asked_to_stop", True),
        ("keep_until", time.monotonic() + 3600),
    ],
)
def test_one_that_is_not_to_be_replaced_now_is_left_alone(board, host, name, value):
    has_done(board, 10)
    assert due(board, WORKERS, host) == "max_tasks"
    setattr(host, name, value)

    assert due(board, WORKERS, host) == ""
