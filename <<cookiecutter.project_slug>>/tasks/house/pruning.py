"""Deleting finished tasks that are too old or too many. What waits or runs is never touched.

A batch is one short transaction, so that nobody waits long for SQLite's one write lock, and between two batches there
is a pause for those who do. A thread beside the housekeeper's, so that nobody's time is kept later for it.
"""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from runtime.interpreter import inside
from runtime.interpreter.inside import Assignment
from runtime.shared import descriptors
from runtime.shared.board import Board
from runtime.shared.log import event
from tasks.house.retention import Retention, retention
from tasks.models import BatchRecord, TaskRecord
from tasks.signals import tidy_up
from tasks.table.queue import FAILED, SUCCESSFUL

logger = logging.getLogger("tasks")

BATCH = 200  # rows in a transaction
PAUSE = 0.01  # seconds between two batches
EVERY = 3600.0  # seconds between two times
ENDED = 10_000  # attempts: once so many have ended on this node, it is time as well
LOOK_AFTER = 30.0  # seconds between two looks at the board


def prune(keep: Retention) -> Iterator[int]:
    """Delete batch after batch, one at each step; how many tasks it had."""
    tasks = TaskRecord.objects
    yield from _prune(tasks.filter(status=SUCCESSFUL), keep.keep_days, keep.keep_tasks)
    yield from _prune(tasks.filter(status=FAILED), keep.keep_failed_days, keep.keep_tasks)
    for _ in _prune(BatchRecord.objects.all(), keep.keep_failed_days, keep.keep_tasks):
        yield 0  # they are no tasks


def _prune(rows: QuerySet[Any], days: float | None, most: int | None) -> Iterator[int]:
    last = _last_to_go(rows, days, most)
    while last is not None and (number := _delete_oldest(rows, last)):
        yield number


def _last_to_go(rows: QuerySet[Any], days: float | None, most: int | None) -> datetime | None:
    """When the newest row ended that is to go; None where none is."""
    found: list[datetime | None] = []
    if days is not None:
        found.append(timezone.now() - timedelta(days=days))
    if most is not None:
        newest_first = rows.filter(finished_at__isnull=False).order_by("-finished_at")
        found += newest_first.values_list("finished_at", flat=True)[most : most + 1]
    return max((time for time in found if time), default=None)


def _delete_oldest(rows: QuerySet[Any], last: datetime) -> int:
    oldest = rows.filter(finished_at__lte=last).order_by("finished_at")
    batch = list(oldest.values_list("pk", flat=True)[:BATCH])
    if not batch:
        return 0
    # Its status once more: somebody may have put it back into its queue since.
    rows.filter(pk__in=batch).delete()
    return len(batch)


def start(assignment: Assignment) -> None:
    """Start the thread; it ends with its interpreter."""
    assert inside.board is not None
    pruner = Pruner(inside.board)
    threading.Thread(target=_run, args=(assignment.stop, pruner), name="pruner").start()


def _run(stop: int, pruner: Pruner) -> None:
    poll = descriptors.poll_of([stop])
    pause = 0.0
    while not poll.poll(pause * 1000):
        try:
            pause = pruner.turn()
        except Exception:
            logger.exception("pruning has failed; once more in %s s", LOOK_AFTER)
            pause = LOOK_AFTER
        if pause > PAUSE:  # not needed for a long time
            connection.close()


class Pruner:
    """When tasks are pruned: at the start, once an hour, and when many have ended since the last time."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.batches: Iterator[int] | None = None  # of the pruning that is under way
        self.next_time = 0.0  # monotonic
        self.ended = 0  # attempts on the board at the last time
        self.pruned = 0  # this time

    def turn(self) -> float:
        """Delete a batch if it is time; returns the seconds until the next turn."""
        if self.batches is None and self._is_time():
            self.batches = prune(retention(settings.TASKS))
        if self.batches is None:
            return LOOK_AFTER
        batches, self.batches = self.batches, None  # an error ends this time
        if (number := next(batches, None)) is not None:
            self.batches = batches
            self.pruned += number
            return PAUSE
        self._end()
        return LOOK_AFTER

    def _is_time(self) -> bool:
        """Without a statement."""
        ended = sum(sum(self.board.outcomes(queue).values()) for queue in self.board.queues)
        if time.monotonic() < self.next_time and ended - self.ended < ENDED:
            return False
        self.ended = ended
        return True

    def _end(self) -> None:
        if self.pruned:
            event("tasks_pruned", number=self.pruned)
            self.pruned = 0
        if time.monotonic() >= self.next_time:
            self.next_time = time.monotonic() + EVERY
            tidy_up.send_robust(Pruner)
