"""The tally of a batch: how many of its tasks have ended. Kept in the transaction that ends a task.

So no crash parts the two. Counted, not looked for: finished tasks may be pruned while others of their batch run. Who
counts holds the batch's row until the commit, so of two last tasks one sees the other.
"""

import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from tasks.models import BatchRecord
from tasks.statements import CLOSE_BATCH, COUNT_IN_BATCH, execute, key


@dataclass(slots=True)
class Collecting:
    """A batch whose block is under way (batches.py)."""

    batch: UUID
    thread: int = field(default_factory=threading.get_ident)
    is_open: bool = True


collecting: ContextVar[Collecting | None] = ContextVar("collecting", default=None)


def current() -> UUID | None:
    """The batch that what is enqueued here belongs to. Another thread is not in the transaction of the block."""
    found = collecting.get()
    return found.batch if found and found.is_open and found.thread == threading.get_ident() else None


def count(batch: UUID, status: str) -> dict[str, Any] | None:
    """A task of the batch got this status; after the last one the callback, a NewTask's fields.

    A batch that is done counts no more, so there is no second callback.
    """
    return _callback_if_done(batch, execute(COUNT_IN_BATCH[status], (key(batch),)).fetchone())


def close(batch: UUID) -> dict[str, Any] | None:
    """All tasks of the batch are in the table; its callback where none of them is left to run."""
    return _callback_if_done(batch, execute(CLOSE_BATCH, (key(batch), key(batch))).fetchone())


def _callback_if_done(batch: UUID, row: tuple[int | None] | None) -> dict[str, Any] | None:
    if row is None or row[0] != 0:
        return None
    BatchRecord.objects.filter(pk=batch).update(finished_at=timezone.now())
    return callback_of(BatchRecord.objects.get(pk=batch))


def callback_of(record: BatchRecord) -> dict[str, Any]:
    """The fields of a NewTask."""
    counts = {"batch": str(record.pk), "successful": record.successful, "failed": record.failed}
    fields = dict(record.callback)
    arguments = {"args": [], "kwargs": counts} if fields.pop("by_name") else {"args": [counts], "kwargs": {}}
    run_after = fields["run_after"] and datetime.fromisoformat(fields["run_after"])
    return fields | {"arguments": arguments, "run_after": run_after}
