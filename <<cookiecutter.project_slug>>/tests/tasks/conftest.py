import os

import pytest

from runtime.interpreter import inside
from runtime.interpreter.inside import Seat
from runtime.shared.board import Board, Cell, pool_number
from runtime.shared.descriptors import Wakeups
from runtime.shared.plan import WorkerPool
from tasks.models import TaskRecord
from tasks.table import queue
from tasks.worker.attempt import Attempt
from tests.runtime.make import make_assignment, make_plan
from tests.tasks import sample_tasks


@pytest.fixture(autouse=True)
def calls():
    """What the sample tasks have noted in this test."""
    sample_tasks.calls.clear()
    return sample_tasks.calls


@pytest.fixture
def run_one():
    """Claim and run the next task of a queue; its row afterwards."""

    def run(name: str = "default", holder: str = "node/boot/default-1/0") -> TaskRecord:
        claimed = queue.claim(name, holder)
        assert claimed is not None
        Attempt(claimed).run()
        return TaskRecord.objects.get(pk=claimed.id)

    return run


@pytest.fixture
def seat(tmp_path, monkeypatch):
    """The seat of a worker thread of the pool `default`; this process looks like an interpreter of its server."""
    plan = make_plan(
        tmp_path, WorkerPool(name="critical", queues=("critical",)), WorkerPool(name="default", queues=("default",))
    )
    wakeups = Wakeups.make(plan.queues, seats=4)
    assignment = make_assignment(plan, wakeups)
    board = Board(plan.queues, 4)
    board.seat(0)[Cell.POOL] = pool_number("default")
    monkeypatch.setattr(inside, "current", assignment)
    monkeypatch.setattr(inside, "board", board)
    yield Seat(assignment, board, 0)
    wakeups.close()
    os.close(assignment.stop)
    os.close(assignment.watch)
