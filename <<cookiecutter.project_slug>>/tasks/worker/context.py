"""What a task that takes a context can do with it."""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.tasks import TaskContext

from runtime.interpreter.inside import Seat
from runtime.shared.board import Cell
from tasks.errors import TaskSuspended
from tasks.json_values import as_column
from tasks.table import queue
from tasks.table.patience import PASSING
from tasks.table.rows import ClaimedTask

logger = logging.getLogger("tasks")

WRITE_EVERY = 0.5  # seconds between two writes of progress and checkpoint to the database


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableContext(TaskContext):  # type: ignore[misc]  # the stubs know TaskContext as not frozen
    """Django's context (`task_result`; `attempt`, 1 for the first) with progress and checkpoints."""

    claimed: ClaimedTask
    seat: Seat | None = None  # where progress shows at once; None in tests
    unsaved: dict[str, Any] = field(default_factory=dict)
    written: list[float] = field(default_factory=lambda: [0.0])

    @property
    def last_checkpoint(self) -> Any:
        """What an earlier attempt, or this one, last gave to `checkpoint`; None where there is nothing."""
        return self.unsaved.get("checkpoint", self.claimed.checkpoint)

    def progress(self, done: int, total: int) -> None:
        """Say how far the task is. Cheap: shown at once, written to the database twice a second at most."""
        if self.seat is not None:
            self.seat.row[Cell.PROGRESS_DONE], self.seat.row[Cell.PROGRESS_TOTAL] = done, total
        self.unsaved["progress"] = {"done": done, "total": total}
        self._write_now_and_then()

    def checkpoint(self, value: Any) -> None:
        """Keep a JSON value for the attempt that goes on from here, should this one not come to its end.

        Written twice a second at most, and when the attempt ends with an error or a stop of the server. After a crash
        the value may be the one before: what was done since then must be right when it is done again.

        Where the interpreter is to leave (the server stops, reloads, recycles it), the task ends here, and goes on from
        this checkpoint in the next one, as the same attempt. Not within a transaction, which would be rolled back.
        """
        self.unsaved["checkpoint"] = as_column("a checkpoint", value)
        if self.seat is not None and not connection.in_atomic_block and self.seat.must_leave():
            raise TaskSuspended
        self._write_now_and_then()

    def save(self) -> None:
        """Write what has not been written yet."""
        if self.unsaved:
            queue.update(self.claimed, **self.unsaved)
            self.claimed.checkpoint = self.last_checkpoint
            self.unsaved.clear()

    def _write_now_and_then(self) -> None:
        if time.monotonic() - self.written[0] < WRITE_EVERY or connection.in_atomic_block:
            return
        try:
            self.save()
        except PASSING as error:  # the task need not fail of it: the next write, or its end, says the same
            logger.warning("the database does not take the progress of %s: %s", self.claimed.id, error)
            connection.close_if_unusable_or_obsolete()
        self.written[0] = time.monotonic()
