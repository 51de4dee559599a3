"""An interpreter from outside: what it runs, how it ends, and what is said of its death."""

import os
import select
import sys
import threading
from concurrent import interpreters

import pytest

from runtime.interpreter.host import Host, call_once, create
from runtime.shared import descriptors, frames
from runtime.shared.board import Board, Cell, State
from runtime.shared.descriptors import Wakeups
from runtime.shared.plan import WorkerPool
from tests.runtime.make import make_assignment, make_plan

PATIENCE = 60
PLACE = "tests.runtime.loops"


@pytest.fixture
def start(tmp_path):
    """Start a host with a loop of tests/runtime/loops.py; its end is `host.end()`."""
    wakeups = Wakeups.make(("default",))
    plan = make_plan(tmp_path, WorkerPool(name="default", queues=("default",)))
    hosts = []

    def start(loop, **fields):
        board = Board(plan.queues, seats=4)
        host = Host(make_assignment(plan, wakeups, target=f"{PLACE}:{loop}", **fields), [])
        ends, has_ended = [], threading.Event()

        def ended(host, reason):
            ends.append(reason)
            has_ended.set()

        def end():
            assert has_ended.wait(PATIENCE)
            host.thread.join(PATIENCE)
            return ends

        host.end, host.board, host.wakeups = end, board, wakeups
        host.start(board.memory, ended)
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        descriptors.signal(host.assignment.watch)
        host.stop()
        host.end()
        host.close()
    wakeups.close()


def wait_for_state(host, seat=0):
    """The state that a seat shows with the next signal."""
    assert select.select([host.wakeups.supervisor], [], [], PATIENCE)[0]
    descriptors.take(host.wakeups.supervisor)
    return State(host.board.seat(seat)[Cell.STATE])


def living():
    return {interpreter.id for interpreter in interpreters.list_all()}


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_each_call_has_an_interpreter_of_its_own(kind):
    before = living()
    found = [call_once(kind, f"{PLACE}:describe") for _ in range(2)]

    assert found[0]["id"] != found[1]["id"]
    assert not before & {each["id"] for each in found}
    assert living() == before


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_none_of_its_threads_is_left_when_it_is_closed(start, kind):
    before = set(os.listdir("/proc/self/task"))
    host = start("leaves_a_thread", kind=kind)
    assert wait_for_state(host) == State.READY
    host.stop()

    assert host.end() == [""]
    assert set(os.listdir("/proc/self/task")) == before


def test_main_is_a_kind_too():
    assert call_once("main", f"{PLACE}:describe")["id"] == interpreters.get_main().id


def test_an_interpreter_finds_the_same_modules_and_starts_without_django():
    found = call_once("isolated", f"{PLACE}:describe")

    assert found["path"] == sys.path
    assert found["django"] is False


def test_arguments_go_in_and_results_come_out():
    assert call_once("isolated", f"{PLACE}:add", 20, 22) == 42


def test_a_shared_gil_loads_what_refuses_isolation():
    assert call_once("legacy", f"{PLACE}:load_pillow") == "PIL._imaging"
    with pytest.raises(interpreters.ExecutionFailed, match="does not support loading in subinterpreters"):
        call_once("isolated", f"{PLACE}:load_pillow")


def test_an_error_in_a_call_closes_the_interpreter():
    before = living()
    with pytest.raises(interpreters.ExecutionFailed, match="ValueError: as asked"):
        call_once("isolated", f"{PLACE}:raise_value_error")

    assert living() == before


def test_memory_that_has_run_out_in_a_call_gives_nothing():
    assert call_once("isolated", f"{PLACE}:raise_memory_error") is None


def test_an_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="fork"):
        create("fork")


@pytest.mark.parametrize("kind", ["isolated", "legacy", "main"])
def test_it_runs_until_it_is_told_to_leave(start, kind):
    before = living()
    host = start("until_told", kind=kind)
    assert wait_for_state(host) == State.READY
    host.stop()
    host.stop()

    assert host.end() == [""]
    assert living() == before


def test_one_that_is_told_before_it_has_started_leaves_as_well(start):
    host = start("until_told")
    host.stop()

    assert host.end() == [""]


def test_a_loop_that_ends_by_itself_is_a_death(start):
    assert start("returns").end() == ["its loop has ended without being asked to"]


@pytest.mark.parametrize(
    ("loop", "words"),
    [
        ("fails", ("ValueError", "no such thing")),
        ("does_not_load", ("ImportError", "no module named nowhere")),
        ("missing", ("AttributeError", "has no attribute 'missing'")),
        ("exits", ("SystemExit", "3")),
        ("out_of_memory", ("MemoryError",)),
    ],
)
@pytest.mark.parametrize("kind", ["isolated", "main"])
def test_the_reason_of_a_death_ends_with_the_error(start, kind, loop, words, capfd):
    host = start(loop, kind=kind)
    (reason,) = host.end()

    assert all(word in reason.splitlines()[-1] for word in words)


def test_when_one_thread_fails_the_others_can_be_told_and_the_error_counts(start, capfd):
    host = start("second_thread_fails", seats=(0, 2))
    while host.board.seat(2)[Cell.STATE] != State.LEAVING:
        wait_for_state(host)
    host.stop_after_error()
    (reason,) = host.end()

    assert "ValueError: the second one" in reason


def test_stopping_after_an_error_does_not_make_it_a_wanted_end(start, capfd):
    host = start("returns")
    host.stop_after_error()

    assert host.end() == ["its loop has ended without being asked to"]


def test_closing_gives_the_descriptors_back(tmp_path):
    wakeups = Wakeups.make(())
    before = set(os.listdir("/proc/self/fd"))
    host = Host(make_assignment(make_plan(tmp_path), wakeups), [frames.pair(), frames.pair()])
    assert set(os.listdir("/proc/self/fd")) > before
    host.close()

    assert set(os.listdir("/proc/self/fd")) == before
    wakeups.close()
