"""The worker's side of a memory queue: take a letter, run its task, tell how it ended."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.tasks import TaskResultStatus
from django.utils.json import normalize_json

from runtime.interpreter.inside import Seat
from runtime.shared.board import Cell
from runtime.shared.memory_queue import Letter, MemoryQueue
from runtime.shared.plan import WorkerPool
from tasks.json_values import as_json
from tasks.records.ends import OUTCOME_OF, where_it_was
from tasks.table.results import errors_of
from tasks.table.rows import ClaimedTask
from tasks.worker.attempt import Attempt, Guard
from tasks.worker.context import DurableContext

logger = logging.getLogger("tasks")


class MemoryContext(DurableContext):
    """Progress shows while the task runs. A checkpoint is kept nowhere: no attempt will go on from it."""

    def checkpoint(self, value: Any) -> None:
        self.unsaved["checkpoint"] = normalize_json(value)

    def _write_now_and_then(self) -> None:
        """There is no row."""


class MemoryAttempt(Attempt):
    """The one run of a task from memory. Its end is logged if it is an error, counted, and told to Django's signal."""

    context_class = MemoryContext
    as_result = staticmethod(as_json)

    def __init__(self, letter: Letter, claim: str, seat: Seat | None = None, guard: Guard | None = None) -> None:
        fields = UUID(bytes=letter.id), letter.task, letter.backend, letter.queue, 0, letter.arguments
        enqueued, now = datetime.fromtimestamp(letter.enqueued, UTC), datetime.now(UTC)
        super().__init__(ClaimedTask(*fields, enqueued, now, now, claim), seat, guard)

    def _succeeded(self, value: Any) -> str:
        self._tell_finished(TaskResultStatus.SUCCESSFUL, return_value=value)
        return "successful"

    def _failed(self, error: BaseException, seconds: float) -> str:
        logger.error("%s failed: %r", self.label, error, exc_info=where_it_was(error))
        self._tell_finished(TaskResultStatus.FAILED, errors=errors_of([self._end(error, seconds)]))
        return OUTCOME_OF.get(type(error), "failed")


class AttemptFromPlace(MemoryAttempt):
    """It frees its letter's place when it has ended. Until then main can read what is in hand (memory_tasks.py)."""

    def __init__(self, queue: MemoryQueue, place: int, seat: Seat, guard: Guard | None) -> None:
        super().__init__(queue.read(place), seat.assignment.claim, seat, guard)
        self.queue, self.place, self.row = queue, place, seat.row

    def run(self) -> str:
        outcome = super().run()
        self.row[Cell.LETTER] = 0
        self.queue.clear(self.place)
        return outcome

    def defer(self, seconds: float) -> None:
        self.row[Cell.LETTER] = 0
        self.queue.put_back(self.place)


class Letters:
    """The memory queues of a pool, as one of its threads sees them."""

    def __init__(self, seat: Seat, pool: WorkerPool, guard: Guard | None) -> None:
        self.seat, self.guard = seat, guard
        in_memory = seat.assignment.wakeups.memory
        self.queues = {name: in_memory[name] for name in pool.queues if name in in_memory}

    @property
    def signals(self) -> list[int]:
        return [queue.signal for queue in self.queues.values()]

    def wait(self) -> bool:
        return any(queue.number_waiting for queue in self._open())

    def claim(self) -> Attempt | None:
        """The next task; the queues come in the order in which the settings name them."""
        for queue in self._open():
            if (place := queue.take()) is not None:
                self.seat.row[Cell.LETTER] = place + 1
                return AttemptFromPlace(queue, place, self.seat, self.guard)
        return None

    def _open(self) -> Iterator[MemoryQueue]:
        """Those that are not paused."""
        return (queue for name, queue in self.queues.items() if not self.seat.board.is_paused(name))

    def must_be_run(self) -> bool:
        """Whether this thread, which was asked to leave, stays for them: the server stops, and more may come."""
        return bool(self.queues) and bool(self.seat.row[Cell.DRAINS])
