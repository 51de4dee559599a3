"""Which threads are taken to stand still, and which are only slow, busy, or asleep."""

import itertools
import threading
from types import SimpleNamespace

import pytest

from runtime.shared.board import Board, Cell
from runtime.supervise import stillness
from runtime.supervise.stillness import LATE, LOOKS, Stillness

SECOND = 10**9
NOW = 1000 * SECOND
LIMIT = NOW - SECOND  # by which a thread should have moved
STEP = SECOND // 4


@pytest.fixture
def board():
    return Board(("default",), seats=6)


@pytest.fixture
def hosts():
    """One with two threads, and one that keeps house."""
    seats = {(0, 1): False, (2,): True}
    return [SimpleNamespace(assignment=SimpleNamespace(seats=each, housekeeper=keeps)) for each, keeps in seats.items()]


@pytest.fixture
def look(board, hosts):
    """Look again, some time after the look before."""
    watched, times = Stillness(board), [NOW]

    def look(after=STEP):
        times.append(times[-1] + after)
        return watched.look(hosts, times[-1])

    return look


def looks(look, number=LOOKS):
    return [look() for _ in range(number)][-1]


def test_a_thread_that_should_have_moved_is_found_at_the_last_of_several_looks(board, hosts, look):
    board.seat(1)[Cell.MOVES_BY] = LIMIT

    assert looks(look, LOOKS - 1) == []
    assert look() == [(hosts[0], [1])]


def test_one_that_sleeps_or_has_time_left_is_not(board, look):
    board.seat(0)[Cell.MOVES_BY] = 0
    board.seat(1)[Cell.MOVES_BY] = NOW + 60 * SECOND

    assert looks(look, 5 * LOOKS) == []


def test_one_that_moves_however_slowly_is_not(board, look):
    for number in range(5 * LOOKS):
        board.seat(0)[Cell.MOVES_BY] = LIMIT + number // (LOOKS - 1)
        assert look() == []


def test_where_main_itself_was_late_the_looks_are_counted_anew(board, hosts, look):
    board.seat(0)[Cell.MOVES_BY] = LIMIT
    late = int(LATE * SECOND) + 1

    assert [*[look() for _ in range(LOOKS - 1)], look(after=late), look()] == [[]] * (LOOKS + 1)
    assert look() == [(hosts[0], [0])]


def test_a_neighbour_that_began_before_may_hold_the_gil(board, hosts, look):
    board.seat(0)[Cell.MOVES_BY], board.seat(1)[Cell.BUSY_SINCE] = LIMIT, LIMIT - 1
    assert looks(look) == []

    board.seat(1)[Cell.BUSY_SINCE] = 0
    assert looks(look) == [(hosts[0], [0])]


def test_a_neighbour_that_has_begun_since_shows_that_the_gil_is_free(board, hosts, look):
    board.seat(0)[Cell.MOVES_BY], board.seat(1)[Cell.BUSY_SINCE] = LIMIT, LIMIT + 1

    assert looks(look) == [(hosts[0], [0])]


@pytest.mark.parametrize("states", [[("R", 7)], [("D", 7), ("D", 8)]])
def test_one_that_gets_no_processor_or_waits_for_the_disk_is_not_still(board, look, monkeypatch, states):
    times = itertools.cycle(states)
    monkeypatch.setattr(stillness, "processor_of", lambda thread: next(times))
    board.seat(0)[Cell.MOVES_BY] = LIMIT

    assert looks(look, 5 * LOOKS) == []


def test_one_that_computes_and_does_not_come_round_is(board, hosts, look, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(stillness, "processor_of", lambda thread: ("R", next(ticks)))
    board.seat(0)[Cell.MOVES_BY] = LIMIT

    assert looks(look) == [(hosts[0], [0])]


def test_the_kernel_tells_how_long_a_thread_has_run():
    state, before = stillness.processor_of(threading.get_native_id())
    while stillness.processor_of(threading.get_native_id()) == (state, before):
        pass

    assert state == stillness.RUNS
    assert stillness.processor_of(0) == (stillness.SLEEPS, 0)


def test_what_it_does_itself_is_no_excuse(board, hosts, look):
    board.seat(0)[Cell.MOVES_BY], board.seat(0)[Cell.BUSY_SINCE] = LIMIT, LIMIT - 1

    assert looks(look) == [(hosts[0], [0])]


def test_the_work_of_another_interpreter_is_no_excuse(board, hosts, look):
    board.seat(0)[Cell.MOVES_BY], board.seat(2)[Cell.BUSY_SINCE] = LIMIT, LIMIT - 1

    assert looks(look) == [(hosts[0], [0])]


def test_the_housekeeper_counts_with_the_interpreter_that_keeps_house(board, hosts, look):
    board.seat(board.housekeeper_seat)[Cell.MOVES_BY] = LIMIT

    assert looks(look) == [(hosts[1], [board.housekeeper_seat])]
