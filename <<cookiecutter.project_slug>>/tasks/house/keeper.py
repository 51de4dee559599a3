"""What is done once per node: wake tasks whose time has come, enqueue recurring ones, count the queues, prune.

A thread of one worker interpreter: the first of the first pool that always has one. It sleeps until the next waiting
task or tick is due, until somebody wants counts (/metrics) or enqueues for later, and at the longest for LOOK_AFTER
seconds. With PostgreSQL it looks after the other nodes as well (tasks/house/nodes.py).
"""

import logging
import threading
import time

from django.db import close_old_connections
from django.utils import timezone

from runtime.interpreter import inside
from runtime.interpreter.inside import Assignment
from runtime.shared import descriptors
from runtime.shared.board import Cell, Gauge
from tasks import queues
from tasks.house import pruning
from tasks.house.nodes import Nodes
from tasks.house.ticks import Ticker
from tasks.table import counting, limits, queue
from tasks.table.patience import PASSING
from tasks.table.wakeup import announce, wake

logger = logging.getLogger("tasks")

LOOK_AFTER = 30.0  # seconds; the net below the wake-ups
PAUSE_AFTER_ERROR = 1.0
LONGEST_ROUND = 300  # seconds; then the housekeeper is taken to stand still (runtime/supervise/stillness.py)


def start(assignment: Assignment) -> None:
    """Start the thread; it ends with its interpreter."""
    threading.Thread(target=_run, args=(assignment,), name=f"{assignment.name}.housekeeper").start()
    pruning.start(assignment)


def _run(assignment: Assignment) -> None:
    poll = descriptors.poll_of([assignment.stop, assignment.wakeups.housekeeper])
    nodes, ticker, next_round = Nodes(assignment), Ticker(), 0.0
    assert inside.board is not None
    seat = inside.board.seat(inside.board.housekeeper_seat)
    seat[Cell.THREAD] = threading.get_native_id()
    while assignment.stop not in dict(poll.poll(_until(next_round, nodes.next_look, ticker.next_look))):
        seat[Cell.MOVES_BY] = time.monotonic_ns() + LONGEST_ROUND * 10**9
        asked = descriptors.take(assignment.wakeups.housekeeper)
        while descriptors.take(assignment.wakeups.housekeeper):
            pass
        if asked:
            ticker.ask()
            nodes.ask()
        try:
            if time.monotonic() >= nodes.next_look:
                nodes.look()
            if asked or time.monotonic() >= next_round:
                next_round = time.monotonic() + _keep_house(assignment, count=asked)
            if time.monotonic() >= ticker.next_look:
                ticker.look(timezone.now())
        except PASSING as error:
            logger.warning("the database does not answer the housekeeper, again in %s s: %s", PAUSE_AFTER_ERROR, error)
            next_round = time.monotonic() + PAUSE_AFTER_ERROR
        except Exception:
            logger.exception("housekeeping has failed; once more in %s s", PAUSE_AFTER_ERROR)
            next_round = time.monotonic() + PAUSE_AFTER_ERROR
        finally:
            close_old_connections()
            seat[Cell.MOVES_BY] = 0
    descriptors.signal(assignment.wakeups.housekeeper)  # a successor may have missed what this one took


def _until(*times: float) -> float:
    """Milliseconds until the first of the times has come."""
    return max(0.0, min(times) - time.monotonic()) * 1000


def _keep_house(assignment: Assignment, count: bool) -> float:
    """Promote what is due, wake whom it concerns; returns the seconds until the next time.

    Three short statements where nothing is to be done: this is what an idle server asks its database.
    """
    queues.show_on_board(assignment)
    while (due := queue.next_due()) is not None and due <= timezone.now():
        for name, number in queue.promote(timezone.now()).items():
            if name in assignment.wakeups.queues:  # not one that the settings have lost since
                wake(name, number)
            announce(name, number)
    if due is not None:  # or somebody is held
        limits.admit_all()
    if count:
        count_queues()
        descriptors.signal(assignment.wakeups.supervisor)
    _wake_for_what_waits(assignment)
    if due is None:
        return LOOK_AFTER
    return min(max(0.0, (due - timezone.now()).total_seconds()) + 0.001, LOOK_AFTER)


def _wake_for_what_waits(assignment: Assignment) -> None:
    """A signal for each claimable task, as workers that sleep beside one were not told of it, nor is a pool to grow.

    So at the start for what the last process has left behind; later this is the net below the signals.
    """
    for name in counting.queues_with_work(tuple(assignment.wakeups.queues)):
        number = counting.claimable(name, descriptors.MOST_WAITING)
        descriptors.signal_up_to(number, assignment.wakeups.queues[name], number)


def count_queues() -> None:
    """Write the gauges of each queue to the board."""
    board = inside.board
    assert board is not None
    waiting, running = counting.ready(), counting.running()
    for name in board.queues:
        gauges = board.gauges(name)
        gauges[Gauge.READY], gauges[Gauge.OLDEST] = waiting.get(name, (0, 0))
        gauges[Gauge.RUNNING] = running.get(name, 0)
        gauges[Gauge.COUNTED] = time.monotonic_ns()
