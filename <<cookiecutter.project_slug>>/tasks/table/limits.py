"""Limits: at most so many tasks with the same key run at once, over all tasks, queues and nodes.

A task with a limit stands in line until it has a place: READY, and held outside of what workers claim. It has one while
it is claimable or runs. So a claim need not ask, and no more can run than have a place.

Places are counted in the rows, each time: there is no counter that a crash could leave wrong. Two that count the same
key come one after the other. Whoever gives a place up, or comes into the line, admits who is next.
"""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial

from django.db import transaction
from django.utils import timezone

from runtime.supervise.peers import lock_of
from tasks.table import statements, wakeup
from tasks.table.statements import ADMIT, KEYS_WITH_FREE_PLACES, execute, moment

HELD_BY_LIMIT = datetime(9999, 1, 1, tzinfo=UTC)  # in waits_until: in line for a place


def waits_until(run_after: datetime | None, limit_key: str | None, now: datetime | None = None) -> datetime | None:
    """What a task waits for which nobody has before it: its time, then its place."""
    if run_after and run_after > (now or timezone.now()):
        return run_after
    return HELD_BY_LIMIT if limit_key else None


def admit(keys: Collection[str]) -> None:
    """Give the free places under these keys to those who are first in line.

    Within the transaction that has freed them, as its last step: the keys are locked until its end, in their order.
    """
    if not keys:
        return
    admitted: Counter[str] = Counter()
    with transaction.atomic():
        for key in sorted(keys):
            lock(f"limit {key}")
            while row := execute(ADMIT, (key, moment(HELD_BY_LIMIT), key)).fetchone():
                admitted[row[0]] += 1
        for queue, number in admitted.items():
            wakeup.wake_on_commit(queue, number)


def admit_on_commit(keys: Collection[str]) -> None:
    """The same for who may be in somebody else's transaction, which could last: no end of a task is to wait for that.

    Each key by itself. An error here must not be one of what is committed: a housekeeper makes it good (`admit_all`).
    """
    for key in keys:
        transaction.on_commit(partial(admit, (key,)), robust=True)


def admit_all() -> None:
    """Look at all keys with somebody in line: a process may have died between a commit and `admit`."""
    in_line = moment(HELD_BY_LIMIT)
    for (key,) in execute(KEYS_WITH_FREE_PLACES, (in_line,) * 3).fetchall():
        admit((key,))


def lock(what: str) -> None:
    """Until the end of the transaction that is open. SQLite has one writer in any case."""
    if not statements.IS_SQLITE:
        execute("SELECT pg_advisory_xact_lock(%s)", (lock_of(what),))
