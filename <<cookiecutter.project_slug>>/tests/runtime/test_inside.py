"""A seat on the board as its thread sees it."""

import gc
import os
import threading
import uuid

import pytest

from runtime.interpreter import inside
from runtime.interpreter.inside import Seat
from runtime.shared import agreement, descriptors
from runtime.shared.board import Board, Cell, State, task_id
from runtime.shared.descriptors import Wakeups
from tests.runtime.make import make_assignment, make_plan


@pytest.fixture
def seat(tmp_path):
    wakeups = Wakeups.make(("default",))
    assignment = make_assignment(make_plan(tmp_path), wakeups, seats=(2,), sockets=(7, 8), waiting_room=9, generation=3)
    yield Seat(assignment, Board(("default",), seats=4), 0)
    os.close(assignment.stop)
    os.close(assignment.watch)
    wakeups.close()


def test_who_sits_down_leaves_nothing_of_who_sat_there(seat):
    seat.board.count_outcome(2, "default", "successful")
    for cell in (Cell.DONE, Cell.BUSY_SINCE, Cell.TASK_HIGH, Cell.TASK_LOW):
        seat.row[cell] = 99
    seat.settle()

    assert [seat.row[cell] for cell in (Cell.DONE, Cell.BUSY_SINCE, Cell.TASK_HIGH, Cell.TASK_LOW)] == [0] * 4
    assert seat.row[Cell.THREAD] == threading.get_native_id()
    assert seat.row[Cell.OBJECTS] > 0
    assert seat.board.outcomes("default")["successful"] == 1


def test_work_shows_from_its_beginning_to_its_end(seat):
    seat.settle()
    seat.busy()
    assert 0 < seat.row[Cell.BUSY_SINCE] == seat.row[Cell.ALIVE]
    seat.idle()

    assert (seat.row[Cell.BUSY_SINCE], seat.row[Cell.DONE]) == (0, 1)


def test_after_a_turn_the_loop_has_a_moment_to_move_and_at_rest_all_the_time(seat):
    seat.settle()
    assert seat.row[Cell.MOVES_BY] == 0
    for rest in (seat.rest, seat.busy, lambda: seat.pause(0)):
        seat.turn()
        assert seat.row[Cell.MOVES_BY] == seat.row[Cell.ALIVE] + inside.MOVES_WITHIN
        rest()
        assert seat.row[Cell.MOVES_BY] == 0


def test_objects_are_those_of_this_interpreter_and_counted_now_and_then(seat, monkeypatch):
    times = iter([1, 2, inside.COUNT_EVERY + 2])
    monkeypatch.setattr("time.monotonic_ns", lambda: next(times))
    gc.collect()  # what other tests have left must not go away between the two counts
    seat.settle()
    settled = seat.row[Cell.OBJECTS]
    kept = [[] for _ in range(100_000)]
    seat.idle()
    assert seat.row[Cell.OBJECTS] == settled
    seat.idle()

    assert seat.row[Cell.OBJECTS] > settled + 0.9 * len(kept)


def test_a_task_shows_without_the_progress_of_the_one_before(seat):
    number = uuid.uuid7().int
    seat.row[Cell.PROGRESS_DONE], seat.row[Cell.PROGRESS_TOTAL] = 3, 4
    seat.show_task(number)
    assert task_id(seat.row) == f"{number:032x}"
    assert (seat.row[Cell.PROGRESS_DONE], seat.row[Cell.PROGRESS_TOTAL]) == (0, 0)
    seat.show_task(0)

    assert (seat.row[Cell.TASK_HIGH], seat.row[Cell.TASK_LOW]) == (0, 0)


def test_a_state_is_shown_and_main_is_told(seat):
    seat.show_state(State.LEAVING)

    assert seat.row[Cell.STATE] == State.LEAVING
    assert descriptors.take(seat.assignment.wakeups.supervisor) is True


def test_a_claim_names_boot_interpreter_and_generation(seat):
    assert seat.assignment.claim == "node/boot/default-1/3"


def test_the_servers_own_descriptors_are_known(seat):
    assignment, wakeups = seat.assignment, seat.assignment.wakeups
    own = {
        wakeups.housekeeper,
        wakeups.supervisor,
        wakeups.queues["default"],
        assignment.stop,
        assignment.watch,
        7,
        8,
        9,
    }

    assert assignment.descriptors == own


@pytest.mark.parametrize("target", ["tests.runtime.loops:nothing", "tests.nowhere:run"])
def test_a_target_that_does_not_exist_is_an_error(target):
    with pytest.raises((AttributeError, ImportError)):
        inside.call(target)


def test_an_interpreter_that_reads_other_code_than_main_did_does_not_start(tmp_path):
    wakeups = Wakeups.make(("default",))
    assignment = make_assignment(make_plan(tmp_path), wakeups, fingerprint="of an earlier version")
    try:
        with pytest.raises(RuntimeError, match="restart"):
            inside.enter(assignment, memoryview(bytearray(8)))
    finally:
        os.close(assignment.stop)
        os.close(assignment.watch)
        wakeups.close()


def test_the_fingerprint_is_of_what_both_sides_read(tmp_path):
    for name in (*agreement.PARTS, "runtime/observe"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "code.py").write_text("one")
    seen = [agreement.fingerprint(tmp_path)]
    (tmp_path / "runtime/observe/code.py").write_text("two")
    assert agreement.fingerprint(tmp_path) == seen[0]
    for name in agreement.PARTS:
        (tmp_path / name / "code.py").write_text("two")
        seen.append(agreement.fingerprint(tmp_path))

    assert len(set(seen)) == 1 + len(agreement.PARTS)
