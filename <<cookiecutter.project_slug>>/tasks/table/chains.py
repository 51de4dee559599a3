"""Chains: tasks of which each begins once the one before has ended well.

The tasks of a chain share its id, and their own ids are in its order. Of those that have not ended, all but the first
are held outside of what workers claim. The end of a task and what it means for the next are one transaction.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from tasks.errors import ChainBroken
from tasks.models import TaskRecord
from tasks.table import awaiting, history, limits, tally, wakeup

if TYPE_CHECKING:
    from tasks.table.rows import ClaimedTask

HELD_BY_CHAIN = datetime(9999, 1, 2, tzinfo=UTC)  # in waits_until: for the end of the task before
BEGINNING = uuid.UUID(int=0)

current: ContextVar[uuid.UUID | None] = ContextVar("chain", default=None)


@contextmanager
def chain() -> Iterator[None]:
    """Each task that is enqueued in the block begins once the one before it has ended well.

    The block is a transaction: where it raises, none of them is enqueued. If one fails for good, those after it have
    failed with it (ChainBroken).
    """
    if current.get() is not None:
        raise RuntimeError("A chain cannot begin inside another one: its tasks would belong to both.")
    new = uuid.uuid7()
    with transaction.atomic():
        token = current.set(new)
        try:
            yield
        finally:
            current.reset(token)
        limits.admit_on_commit(go_on(new))


def lock(chain: uuid.UUID) -> None:
    """One change of a chain at a time, before its rows: an end and a retry of the next would not see each other."""
    limits.lock(f"chain {chain}")


def go_on(chain: uuid.UUID, after: uuid.UUID = BEGINNING) -> set[str]:
    """Let the next task go, with the transaction that is open; the key of its limit, if it wants a place now."""
    unfinished = TaskRecord.objects.filter(chain=chain, pk__gt=after, finished_at=None)
    following = unfinished.order_by("pk").only("queue", "run_after", "waits_until", "limit_key").first()
    if following is None or following.waits_until != HELD_BY_CHAIN:
        return set()
    waits_until = limits.waits_until(following.run_after, following.limit_key)
    unfinished.filter(pk=following.pk).update(waits_until=waits_until)
    if waits_until == limits.HELD_BY_LIMIT and following.limit_key:
        return {following.limit_key}
    wakeup.wake_on_commit(following.queue, due=waits_until)
    return set()


def break_off(failed: ClaimedTask | TaskRecord) -> None:
    """Those after a task that has failed for good have failed too, with the transaction that is open."""
    unfinished = TaskRecord.objects.filter(chain=failed.chain, pk__gt=failed.id, finished_at=None)
    records = list(unfinished.select_for_update().order_by("pk"))
    message = f"{failed.task} {failed.id}, which stands before it in its chain, has failed."
    for record in records:
        record.status, record.finished_at = "FAILED", timezone.now()
        record.history = [*record.history, history.entry(record.attempt, "-", "chain broken", ChainBroken, message)]
        transaction.on_commit(partial(awaiting.tell, record.pk))
    TaskRecord.objects.bulk_update(records, ["status", "finished_at", "history"], batch_size=100)
    for record in records:
        if record.batch:
            tally.count(record.batch, record.status)
