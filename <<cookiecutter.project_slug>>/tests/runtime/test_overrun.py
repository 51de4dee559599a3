"""Who is taken for stuck, and who is told that it was cancelled."""

from types import SimpleNamespace

import pytest

from runtime.shared.board import Board, Cell, halves, is_cancelled, task_id
from runtime.supervise.overrun import LONGEST_HIDDEN, PATIENCE, Unfound, cancel, overdue

NOW = 1_000_000_000_000
LONG_AGO = NOW - int(PATIENCE * 1e9) - 1
JUST_NOW = NOW - int(PATIENCE * 1e9) + 1
TASK = 0x0190_0000_0000_7000_8000_0000_0000_0001


@pytest.fixture
def board():
    return Board(("default",), seats=4)


@pytest.fixture
def hosts():
    return [SimpleNamespace(assignment=SimpleNamespace(seats=seats, watch=sum(seats))) for seats in ((0, 1), (2,))]


def run_task(board, seat, number, **cells):
    row = board.seat(seat)
    row[Cell.BUSY_SINCE] = 1
    row[Cell.TASK_HIGH], row[Cell.TASK_LOW] = halves(number)
    for name, value in cells.items():
        row[Cell[name]] = value


def cancelled(at, since=1):
    return {"CANCELLED_AT": at, "CANCELLED": since}


def test_nothing_that_runs_is_no_reason(board, hosts):
    assert overdue(board, hosts, NOW) == []


@pytest.mark.parametrize("cells", [{}, {"DEADLINE": NOW + 1}, {"DEADLINE": JUST_NOW}, cancelled(JUST_NOW)])
def test_what_has_time_left_or_was_told_just_now_is_left_alone(board, hosts, cells):
    run_task(board, 0, TASK, **cells)

    assert overdue(board, hosts, NOW) == []


@pytest.mark.parametrize(("cells", "why"), [({"DEADLINE": LONG_AGO}, "timeout"), (cancelled(LONG_AGO), "cancelled")])
def test_what_ignores_its_end_is_named_with_its_interpreter(board, hosts, cells, why):
    run_task(board, 1, TASK, **cells)
    run_task(board, 0, TASK + 1)
    run_task(board, 2, TASK + 2)

    assert overdue(board, hosts, NOW) == [(hosts[0], {f"{TASK:032x}": why})]


def test_all_that_are_stuck_in_one_interpreter_are_named_together(board, hosts):
    run_task(board, 0, TASK, DEADLINE=LONG_AGO)
    run_task(board, 1, TASK + 1, **cancelled(LONG_AGO))

    assert overdue(board, hosts, NOW) == [(hosts[0], {f"{TASK:032x}": "timeout", f"{TASK + 1:032x}": "cancelled"})]


def test_the_cancel_of_what_ran_earlier_on_the_seat_does_not_count(board, hosts):
    run_task(board, 0, TASK, BUSY_SINCE=2, **cancelled(LONG_AGO))

    assert overdue(board, hosts, NOW) == []


def test_a_thread_that_has_nothing_to_do_is_not_stuck(board, hosts):
    run_task(board, 0, TASK, DEADLINE=LONG_AGO, BUSY_SINCE=0)

    assert overdue(board, hosts, NOW) == []


def test_a_cancel_reaches_the_thread_that_runs_the_task(board, hosts):
    woken = []
    run_task(board, 0, TASK)
    run_task(board, 2, TASK + 1)

    assert cancel(board, hosts, task_id(board.seat(2)), woken.append) is True
    assert woken == [hosts[1].assignment.watch]
    assert is_cancelled(board.seat(2))
    assert board.seat(2)[Cell.CANCELLED_AT] > 0
    assert not is_cancelled(board.seat(0))


def test_a_cancel_that_finds_nobody_is_tried_again_for_a_while(monkeypatch):
    unfound, asked, now = Unfound(), [], [100.0]
    monkeypatch.setattr("runtime.supervise.overrun.time.monotonic", lambda: now[0])
    unfound.add("first")
    unfound.add("second")
    unfound.look(lambda task: asked.append(task) or task == "first")
    unfound.look(lambda task: asked.append(task) or False)
    now[0] += LONGEST_HIDDEN
    unfound.look(lambda task: asked.append(task) or False)

    assert asked == ["first", "second", "second"]


@pytest.mark.parametrize("task", ["", "x", "0" * 32, f"{TASK:032x}"])
def test_a_cancel_of_what_does_not_run_here_wakes_nobody(board, hosts, task):
    woken = []
    run_task(board, 0, TASK, BUSY_SINCE=0)

    assert cancel(board, hosts, task, woken.append) is False
    assert woken == []
