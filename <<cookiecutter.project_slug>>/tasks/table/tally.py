"""The tally of a batch: how many of its tasks have ended. Kept in the transaction that ends a task (queue.aftermath).

So no crash parts the two. Counted, not looked for: finished tasks may be pruned while others of their batch run. Who
counts holds the batch's row until the commit, so of two last tasks one sees the other.
"""

import threading
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from tasks.models import BatchRecord
from tasks.table.statements import CLOSE_BATCH, COUNT_AGAIN, COUNT_END, execute, key


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


def count(batch: UUID, status: str) -> None:
    """A task of the batch got this status. After the last one the callback is enqueued, with the transaction.

    A batch that is done counts no more, so there is no second callback.
    """
    if status in COUNT_END:
        _finish_if_done(batch, execute(COUNT_END[status], (key(batch),)).fetchone())


def count_again(batches: Iterable[UUID]) -> None:
    """Failed tasks of these batches, one for each time that it stands there, are tried again."""
    for batch in sorted(batches):
        execute(COUNT_AGAIN, (key(batch),)).fetchone()


def close(batch: UUID) -> None:
    """All tasks of the batch are in the table."""
    _finish_if_done(batch, execute(CLOSE_BATCH, (key(batch), key(batch))).fetchone())


def _finish_if_done(batch: UUID, row: tuple[int | None] | None) -> None:
    """`row` holds how many are left; None where the block has not ended yet, no row where the batch is done."""
    if row is None or row[0] != 0:
        return
    from tasks.table import conditions  # which puts tasks in whose ends come here
    from tasks.table.rows import NewTask

    BatchRecord.objects.filter(pk=batch).update(finished_at=timezone.now())
    record = BatchRecord.objects.get(pk=batch)  # it has kept all of its callback, which need not import here
    counts = {"batch": str(record.pk), "successful": record.successful, "failed": record.failed}
    fields: dict[str, Any] = dict(record.callback)
    arguments = {"args": [], "kwargs": counts} if fields.pop("by_name") else {"args": [counts], "kwargs": {}}
    run_after = fields["run_after"] and datetime.fromisoformat(fields["run_after"])
    conditions.insert([NewTask(**fields | {"arguments": arguments, "run_after": run_after})])
