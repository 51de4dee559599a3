"""The rungs of the ladder inside one interpreter, on threads of the test's own."""

import contextlib
import socket
import threading
import time

import pytest

from runtime.interpreter.inside import Seat
from runtime.interpreter.watchdog import Insisted, Watchdog
from runtime.shared import descriptors
from runtime.shared.board import Board, Cell
from runtime.shared.descriptors import Wakeups
from tests.runtime.make import make_assignment, make_plan

PATIENCE = 60
SOON = 0.05


class TooLate(Exception):
    pass


class Cancelled(Exception):
    pass


@pytest.fixture
def seat(tmp_path):
    wakeups = Wakeups.make(("default",))
    assignment = make_assignment(make_plan(tmp_path), wakeups)
    yield Seat(assignment, Board(("default",), seats=4), 0)
    for descriptor in (assignment.stop, assignment.watch):
        descriptors.os.close(descriptor)
    wakeups.close()


@pytest.fixture
def watchdog(seat):
    watchdog = Watchdog(seat.assignment.watch, threads=1)
    watchdog.start()
    (thread,) = [thread for thread in threading.enumerate() if thread.name.endswith(".watchdog")]
    yield watchdog
    watchdog.leave()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def spin():
    """Python code that runs for longer than a test waits for its end."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pass


def cancel_and_spin(seat, work):
    seat.row[Cell.CANCELLED] = work
    descriptors.signal(seat.assignment.watch)
    spin()


def test_python_code_that_overruns_gets_the_error(watchdog, seat):
    with pytest.raises(TooLate), watchdog.guard(seat, SOON, TooLate) as run:
        spin()

    assert (run.error, run.freed_by) == (TooLate, "raised")


def test_a_rung_that_fails_keeps_nobody_on_the_ladder(watchdog, seat):
    def fail(run):
        raise ValueError("no connection")

    watchdog.steps[:2] = fail, watchdog.steps[0]
    with pytest.raises(TooLate), watchdog.guard(seat, SOON, TooLate) as run:
        spin()

    assert run.freed_by == "database interrupted"


def test_what_ends_in_time_gets_none_and_leaves_no_deadline(watchdog, seat):
    with watchdog.guard(seat, PATIENCE, TooLate) as run:
        assert seat.row[Cell.DEADLINE] > time.monotonic_ns()

    assert run.error is None
    assert seat.row[Cell.DEADLINE] == 0
    assert watchdog.runs == []


def test_without_a_limit_there_is_no_deadline(watchdog, seat):
    with watchdog.guard(seat, 0, TooLate):
        assert seat.row[Cell.DEADLINE] == 0


def test_an_error_of_the_block_comes_out_as_it_is(watchdog, seat):
    with pytest.raises(KeyError, match="its own"), watchdog.guard(seat, PATIENCE, TooLate):
        raise KeyError("its own")

    assert watchdog.runs == []


def test_a_deadline_that_was_lifted_ends_nothing(watchdog, seat):
    with watchdog.guard(seat, PATIENCE, TooLate) as run:
        run.relieve()
        assert (run.deadline, seat.row[Cell.DEADLINE]) == (None, 0)


def test_a_later_guard_with_an_earlier_deadline_is_looked_at_in_time(watchdog, seat):
    with watchdog.guard(seat, PATIENCE, TooLate), pytest.raises(TooLate), watchdog.guard(seat, SOON, TooLate):
        spin()


def test_a_task_that_is_cancelled_gets_that_error(watchdog, seat):
    seat.busy()

    with pytest.raises(Cancelled), watchdog.guard(seat, 0, TooLate, Cancelled):
        cancel_and_spin(seat, seat.row[Cell.BUSY_SINCE])


def test_a_cancel_that_came_before_the_guard_counts(watchdog, seat):
    seat.busy()
    seat.row[Cell.CANCELLED] = seat.row[Cell.BUSY_SINCE]

    with pytest.raises(Cancelled), watchdog.guard(seat, 0, TooLate, Cancelled):
        spin()


def test_the_cancel_of_an_earlier_task_ends_nothing(watchdog, seat):
    seat.busy()
    with pytest.raises(TooLate), watchdog.guard(seat, SOON, TooLate, Cancelled):
        cancel_and_spin(seat, seat.row[Cell.BUSY_SINCE] - 1)


def tell_that_it_is_too_greedy(seat, work):
    seat.row[Cell.TOO_GREEDY] = work
    descriptors.signal(seat.assignment.watch)
    spin()


def test_what_has_taken_too_much_memory_gets_a_memory_error(watchdog, seat):
    seat.busy()

    with pytest.raises(MemoryError), watchdog.guard(seat, 0, TooLate) as run:
        tell_that_it_is_too_greedy(seat, seat.row[Cell.BUSY_SINCE])
    assert run.error is MemoryError


def test_what_runs_after_the_greedy_one_gets_none(watchdog, seat):
    seat.busy()

    with pytest.raises(TooLate), watchdog.guard(seat, SOON, TooLate):
        tell_that_it_is_too_greedy(seat, seat.row[Cell.BUSY_SINCE] - 1)


def test_where_memory_is_short_nothing_goes_on_after_every_error(watchdog, seat):
    seat.busy()

    def go_on():
        with contextlib.suppress(MemoryError):
            tell_that_it_is_too_greedy(seat, seat.row[Cell.BUSY_SINCE])
        while True:
            with contextlib.suppress(Exception):
                spin()

    with pytest.raises(Insisted), watchdog.guard(seat, 0, TooLate) as run:
        go_on()
    assert run.error is MemoryError


def test_a_read_from_a_silent_peer_is_ended(watchdog, seat):
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TooLate), watchdog.guard(seat, SOON, TooLate) as run:
        ours.recv(1)

    assert run.freed_by == "socket shut"


def test_the_servers_own_descriptors_are_not_shut(watchdog, seat, monkeypatch):
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(type(seat.assignment), "descriptors", property(lambda _: {ours.fileno()}))
    watchdog.steps.insert(-1, lambda run: theirs.send(b"x"))  # one rung more, which frees the thread

    def read():
        assert ours.recv(1) == b"x", "it was shut"
        spin()

    with ours, theirs, pytest.raises(TooLate), watchdog.guard(seat, SOON, TooLate):
        read()
