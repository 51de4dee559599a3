"""The queue and its database: insert, claim, finish, retry, release. What a task's own way does to its row.

A claim names who holds the task: node/boot/interpreter/generation. Each write of the holder asks for it, so the outcome
of an interpreter that was given up, or of a process that was thought dead, changes nothing.

What every task passes through is plain SQL, which commits by itself where no transaction is open (statements.py):
through the ORM a task costs four times as much. People change a row in control.py, deaths in recovery.py, broken chains
in chains.py.
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.tasks import TaskResultStatus
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.table import chains, limits, statements, tally, wakeup
from tasks.table.rows import ClaimedTask, NewTask, read, values_of
from tasks.table.statements import (
    CLAIM,
    FIND,
    FIND_UNIQUE,
    HELD,
    INSERT,
    INSERT_CLAIMED,
    INSERT_ROW,
    SUCCEED,
    execute,
    key,
    moment,
)

READY, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
FAILED, SUCCESSFUL = TaskResultStatus.FAILED, TaskResultStatus.SUCCESSFUL

ROWS_IN_A_STATEMENT = 1000
PROMOTED_AT_ONCE = 1000


def insert(tasks: Sequence[NewTask]) -> None:
    """Put tasks into the table; with the open transaction, if there is one."""
    if len(tasks) == 1:  # no transaction of its own for the usual case
        return _insert(tasks)
    with transaction.atomic():
        for start in range(0, len(tasks), ROWS_IN_A_STATEMENT):
            _insert(tasks[start : start + ROWS_IN_A_STATEMENT])


def _insert(tasks: Sequence[NewTask]) -> None:
    values = [value for task in tasks for value in values_of(task)]
    statement = INSERT + ", ".join([INSERT_ROW] * len(tasks))
    if not statements.IS_SQLITE:  # other nodes are told with the commit, in the same round trip
        statement = f"WITH inserted AS ({statement}) SELECT pg_notify('tasks', %s)"
        values.append(wakeup.announcement(wakeup.message(tasks[0].queue, tasks[0].waits_until), len(tasks)))
    execute(statement, values)


def insert_claimed(task: NewTask, holder: str) -> bool:
    """Put a task into the table that `holder` has at once (handover.py). False where its queue is paused."""
    now = moment(task.enqueued_at)
    return bool(execute(INSERT_CLAIMED, (*values_of(task), holder, now, now, task.queue)).rowcount)


def claim(queue: str, holder: str) -> ClaimedTask | None:
    """Take the next task of a queue for `holder`; None where nothing waits, or the queue is paused."""
    now = moment(timezone.now())
    return read(execute(CLAIM, (holder, now, now, queue, queue)).fetchone())


def held(holder: str) -> list[ClaimedTask]:
    """What `holder` has claimed and not ended."""
    return [task for row in execute(HELD, (holder,)).fetchall() if (task := read(row))]


def find(task_id: uuid.UUID) -> ClaimedTask | None:
    """Any task, waiting, running or finished; None where there is no such task."""
    return read(execute(FIND, (key(task_id),)).fetchone())


def find_unique(task: str, unique_key: str) -> ClaimedTask | None:
    """The task with this key that has not ended."""
    return read(execute(FIND_UNIQUE, (task, unique_key)).fetchone())


def succeed(task: ClaimedTask, return_value: Any, bill: str | None = None) -> bool:
    """Record that a claimed task has ended well. False where the claim is held no more."""
    values = _success(task, return_value, bill, moment(timezone.now()))
    return _write(task, SUCCESSFUL, lambda: execute(SUCCEED, values).rowcount)


def _success(task: ClaimedTask, return_value: Any, bill: str | None, now: Any) -> tuple[Any, ...]:
    value = "null" if return_value is None else json.dumps(return_value)  # most: it is quicker
    return value, bill, now, key(task.id), task.claim


def succeed_and_claim(
    task: ClaimedTask, return_value: Any, queues: Sequence[str], bill: str | None = None
) -> tuple[bool, ClaimedTask | None]:
    """As `succeed`, and in the same commit take the next task of these queues. For SQLite: its lock is held once.

    Not for a task that keeps others waiting.
    """
    now = moment(timezone.now())
    ended, row = _success(task, return_value, bill, now), None
    with statements.one_commit() as driver:
        written = bool(driver.execute(SUCCEED, ended).rowcount)
        for queue in queues:
            if row := driver.execute(CLAIM, (task.claim, now, now, queue, queue)).fetchone():
                break
    return written, read(row)


def fail(task: ClaimedTask, **fields: Any) -> bool:
    """Record that a claimed task has failed for good. False where the claim is held no more."""
    return update(task, status=FAILED, finished_at=timezone.now(), worker=task.claim, claim=None, **fields)


def retry(task: ClaimedTask, after: timedelta, **fields: Any) -> bool:
    """Put a claimed task back into the queue after an attempt that failed."""
    waits_until = timezone.now() + after if after else None
    written = update(task, status=READY, claim=None, waits_until=waits_until, **fields)
    wakeup.wake(task.queue, due=waits_until)
    return written


def release(task: ClaimedTask, **fields: Any) -> bool:
    """Give a claimed task back as if this attempt had not begun."""
    return update(task, status=READY, claim=None, attempt=task.attempt - 1, **fields)


def defer(task: ClaimedTask, seconds: float) -> None:
    """Give a claimed task back, to be looked at again after some time."""
    waits_until = timezone.now() + timedelta(seconds=seconds)
    release(task, waits_until=waits_until)
    wakeup.wake(task.queue, due=waits_until)


def update(task: ClaimedTask, **fields: Any) -> bool:
    """Write fields of a claimed task. False where the claim is held no more."""
    held = TaskRecord.objects.filter(pk=task.id, claim=task.claim, status=RUNNING)
    return _write(task, fields.get("status"), lambda: held.update(**fields))


def keeps_others_waiting(task: ClaimedTask) -> bool:
    """Whether its end means something for others. For most tasks it does not, and they pay nothing for it."""
    return bool(task.limit_key or task.chain or task.batch)


def aftermath(task: ClaimedTask | TaskRecord, status: str) -> set[str]:
    """What it means for others that the task has this status now, in the transaction that has given it to it.

    Its chain and its batch are brought up to date. Returns the keys of the limits under which somebody may get a place
    now, for `limits.admit`.
    """
    keys = {task.limit_key} if task.limit_key else set()
    if task.chain:
        chains.lock(task.chain)
        if status == SUCCESSFUL:
            keys |= chains.go_on(task.chain, after=task.id)
        elif status == FAILED:
            chains.break_off(task)
    if task.batch:  # after all tasks: everybody locks the rows in this order
        tally.count(task.batch, status)
    return keys


def _write(task: ClaimedTask, status: str | None, write: Callable[[], int]) -> bool:
    """Write; in the same transaction others go on that were waiting for this."""
    if status is None or not keeps_others_waiting(task):
        return bool(write())
    with transaction.atomic():
        written = bool(write())
        if written:
            limits.admit(aftermath(task, status))
    return written


def promote(now: datetime) -> dict[str, int]:
    """Make tasks claimable whose time has come, the earliest first; how many, by queue.

    At most PROMOTED_AT_ONCE: the write lock is not held for long, however many are due. Those with a limit get in line.
    """
    due = TaskRecord.objects.filter(status=READY, waits_until__lte=now)
    found = due.order_by("waits_until").values_list("id", "queue", "limit_key")[:PROMOTED_AT_ONCE]
    free = {pk: queue for pk, queue, limit_key in found if limit_key is None}
    limited = {pk: limit_key for pk, _, limit_key in found if limit_key is not None}
    if free:
        due.filter(pk__in=list(free)).update(waits_until=None)
    if limited:
        with transaction.atomic():
            due.filter(pk__in=list(limited)).update(waits_until=limits.HELD_BY_LIMIT)
            limits.admit(set(limited.values()))
    return dict(Counter(free.values()))


def next_due() -> datetime | None:
    """When the next waiting task may run."""
    waiting = TaskRecord.objects.filter(status=READY, waits_until__isnull=False)
    return waiting.order_by("waits_until").values_list("waits_until", flat=True).first()
