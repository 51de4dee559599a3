"""The board: whose cell is whose, and what the counters add up to."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.interpreter.host import call_once
from runtime.shared.board import BUCKETS, OUTCOMES, Board, Cell, halves, is_cancelled, task_id

QUEUES = ("critical", "default")


@pytest.fixture
def board():
    return Board(QUEUES, seats=3)


@given(queues=st.integers(1, 5), seats=st.integers(1, 9))
def test_seats_and_gauges_share_no_cell_and_leave_none_over(queues, seats):
    board = Board(tuple(f"queue{number}" for number in range(queues)), seats)
    rows = [*map(board.seat, range(seats)), *map(board.gauges, board.queues), board.watched.cells]
    for row in rows:
        for cell in range(len(row)):
            row[cell] += 1

    assert set(board.cells) == {1}


def test_the_cells_of_a_seat_are_not_those_of_its_counters(board):
    for queue in QUEUES:
        for outcome in OUTCOMES:
            board.count_outcome(0, queue, outcome, seconds=1.0)

    assert not any(board.seat(0)[cell] for cell in Cell)


def test_outcomes_are_added_up_over_seats_and_kept_apart_by_queue(board):
    board.count_outcome(0, "default", "successful")
    board.count_outcome(2, "default", "successful", number=4)
    board.count_outcome(1, "critical", "lost")

    assert board.outcomes("default") == dict.fromkeys(OUTCOMES, 0) | {"successful": 5}
    assert board.outcomes("critical") == dict.fromkeys(OUTCOMES, 0) | {"lost": 1}


@pytest.mark.parametrize("number", range(len(BUCKETS)))
def test_a_bucket_holds_what_took_up_to_its_bound(board, number):
    board.count_outcome(0, "default", "failed", seconds=BUCKETS[number])
    board.count_outcome(1, "default", "failed", seconds=BUCKETS[number] + 0.0001)
    buckets, seconds = board.task_seconds("default")

    assert buckets[number : number + 2] == [1, 1]
    assert sum(buckets) == 2
    assert seconds == pytest.approx(2 * BUCKETS[number] + 0.0001, abs=1e-5)


def test_what_took_longer_than_the_last_bound_is_counted_behind_it(board):
    board.count_outcome(0, "default", "timeout", seconds=100_000)

    assert board.task_seconds("default") == ([0] * len(BUCKETS) + [1], 100_000)


def test_without_seconds_only_the_outcome_is_counted(board):
    board.count_outcome(0, "default", "lost")

    assert board.task_seconds("default") == ([0] * (len(BUCKETS) + 1), 0)


@given(st.integers(0, 2**128 - 1))
def test_a_task_id_survives_its_two_cells(number):
    row = Board(QUEUES, seats=1).seat(0)
    row[Cell.TASK_HIGH], row[Cell.TASK_LOW] = halves(number)

    assert task_id(row) == uuid.UUID(int=number).hex


def test_only_the_run_that_was_cancelled_is_cancelled(board):
    row = board.seat(0)
    assert not is_cancelled(row)
    row[Cell.BUSY_SINCE] = row[Cell.CANCELLED] = 5
    assert is_cancelled(row)
    row[Cell.BUSY_SINCE] = 8
    assert not is_cancelled(row)


def test_another_interpreter_writes_to_the_same_board(board):
    call_once("isolated", "tests.runtime.loops:write_done", board.memory, QUEUES, board.seats)

    assert [board.seat(number)[Cell.DONE] for number in range(3)] == [100, 101, 102]
