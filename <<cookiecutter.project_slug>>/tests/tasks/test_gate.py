"""A task with which the process has died twice runs alone."""

import os
import time

import pytest

from runtime.interpreter.inside import Seat
from runtime.shared.board import Board, Cell
from runtime.shared.descriptors import Wakeups
from tasks.worker.gate import HOLD, Gate
from tests.runtime.make import make_assignment, make_plan


@pytest.fixture
def gates(tmp_path):
    """Two threads' ways through the gate."""
    wakeups = Wakeups.make(())
    assignment = make_assignment(make_plan(tmp_path), wakeups, seats=(0, 1))
    board = Board((), 4)
    yield [Gate(Seat(assignment, board, index)) for index in (0, 1)]
    wakeups.close()
    os.close(assignment.stop)
    os.close(assignment.watch)


@pytest.mark.parametrize("deaths", [0, 1])
def test_others_run_side_by_side(gates, deaths):
    assert gates[0].enter(0)
    assert gates[1].enter(deaths)


def test_a_suspect_does_not_begin_beside_another_task(gates):
    assert gates[0].enter(0)
    assert not gates[1].enter(2)
    gates[0].leave()
    assert gates[1].enter(2)


@pytest.mark.parametrize("deaths", [0, 2])
def test_nothing_begins_beside_a_suspect(gates, deaths):
    assert gates[0].enter(2)
    assert not gates[1].enter(deaths)
    assert not gates[1].is_open()
    gates[0].leave()
    assert gates[1].is_open()
    assert gates[1].enter(deaths)


def test_a_suspect_that_was_refused_holds_nobody_off(gates):
    assert gates[0].enter(0)
    assert not gates[1].enter(2)
    assert gates[0].is_open()


def test_a_suspect_that_has_run_for_long_holds_nobody_off(gates):
    assert gates[0].enter(2)
    gates[0].row[Cell.BUSY_SINCE] = time.monotonic_ns() - int((HOLD + 1) * 1e9)
    assert gates[1].enter(0)
