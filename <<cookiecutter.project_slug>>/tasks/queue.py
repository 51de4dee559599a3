"""The queue and its database: insert, claim, finish, retry, release. The one place that changes a task's status.

A claim names who holds the task: node/boot/interpreter/generation. Every later write asks for it, so the outcome of an
interpreter that was given up, or of a process that was thought dead, changes nothing.

What every task passes through is plain SQL, a statement and a commit each (statements.py): through the ORM a task costs
four times as much (docs/performance.md).
"""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.tasks import TaskResultStatus
from django.utils import timezone

from tasks import aftermath, limits, statements, wakeup
from tasks.chains import HELD_BY_CHAIN
from tasks.models import TaskRecord
from tasks.statements import (
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
    read_key,
    read_moment,
)

READY, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
FAILED, SUCCESSFUL = TaskResultStatus.FAILED, TaskResultStatus.SUCCESSFUL

ROWS_IN_A_STATEMENT = 1000
PROMOTED_AT_ONCE = 1000


@dataclass(slots=True, kw_only=True)
class NewTask:
    """A task on its way into the table."""

    task: str
    backend: str
    queue: str
    priority: int
    arguments: dict[str, Any]
    run_after: datetime | None
    fail_if_lost: bool
    unique_key: str | None = None
    limit_key: str | None = None
    limit_number: int | None = None
    chain: uuid.UUID | None = None
    batch: uuid.UUID | None = None
    origin: str | None = None
    enqueued_at: datetime = field(default_factory=timezone.now)
    id: uuid.UUID = field(default_factory=uuid.uuid7)  # in order of time

    @property
    def waits_until(self) -> datetime | None:
        if self.chain:
            return HELD_BY_CHAIN
        return limits.waits_until(self.run_after, self.limit_key, now=self.enqueued_at)


@dataclass(slots=True)
class ClaimedTask:
    """What a worker needs of the row that it has claimed, in the order of CLAIM's columns."""

    id: uuid.UUID
    task: str
    backend: str
    queue: str
    priority: int
    arguments: dict[str, Any]
    run_after: datetime | None
    enqueued_at: datetime
    started_at: datetime
    last_attempted_at: datetime
    attempt: int
    deaths: int
    checkpoint: Any
    history: list[dict[str, Any]]
    limit_key: str | None
    chain: uuid.UUID | None
    batch: uuid.UUID | None
    claim: str  # the holder


@dataclass(slots=True)
class FoundTask(ClaimedTask):
    """A row as it is, in the order of FIND's columns. The claim is None where nobody holds it."""

    status: str
    worker: str
    finished_at: datetime | None
    return_value: Any


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


def values_of(task: NewTask) -> tuple[Any, ...]:
    return (
        key(task.id), task.task, task.backend, task.queue, task.priority, json.dumps(task.arguments),
        moment(task.run_after), moment(task.waits_until), moment(task.enqueued_at), task.fail_if_lost,
        task.batch and key(task.batch), task.origin,
    )  # fmt: skip


def claim(queue: str, holder: str) -> ClaimedTask | None:
    """Take the next task of a queue for `holder`; None where nothing waits, or the queue is paused."""
    now = moment(timezone.now())
    row = execute(CLAIM, (holder, now, now, queue, queue)).fetchone()
    return None if row is None else _claimed(row, holder)


def held(holder: str) -> list[ClaimedTask]:
    """What `holder` has claimed and not ended."""
    return [_claimed(row, holder) for row in execute(HELD, (holder,)).fetchall()]


def find(task_id: uuid.UUID) -> FoundTask | None:
    """Any task, waiting, running or finished; None where there is no such task."""
    return _found(execute(FIND, (key(task_id),)).fetchone())


def find_unique(task: str, unique_key: str) -> FoundTask | None:
    """The task with this key that has not ended."""
    return _found(execute(FIND_UNIQUE, (task, unique_key)).fetchone())


def _found(row: tuple[Any, ...] | None) -> FoundTask | None:
    if row is None:
        return None
    found = _read(FoundTask(*row))
    found.finished_at = read_moment(found.finished_at)
    found.return_value = found.return_value and json.loads(found.return_value)
    return found


def _claimed(row: tuple[Any, ...], holder: str) -> ClaimedTask:
    return _read(ClaimedTask(*(*row, holder)))


def _read[T: ClaimedTask](task: T) -> T:
    """What the driver gives, as Python has it."""
    task.id = read_key(task.id)
    task.arguments, task.history = json.loads(task.arguments), json.loads(task.history)  # type: ignore[arg-type]
    task.checkpoint = task.checkpoint and json.loads(task.checkpoint)
    task.run_after, task.enqueued_at = read_moment(task.run_after), read_moment(task.enqueued_at)
    task.started_at, task.last_attempted_at = read_moment(task.started_at), read_moment(task.last_attempted_at)
    task.chain, task.batch = task.chain and read_key(task.chain), task.batch and read_key(task.batch)
    return task


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
    return written, None if row is None else _claimed(row, task.claim)


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


def _write(task: ClaimedTask, status: str | None, write: Callable[[], int]) -> bool:
    """Write; in the same transaction others go on that were waiting for this."""
    if status is None or not keeps_others_waiting(task):
        return bool(write())
    with transaction.atomic():
        written = bool(write())
        if written:
            limits.admit(aftermath.of(task, status))
    return written


def promote(now: datetime) -> dict[str, int]:
    """Make tasks claimable whose time has come, the earliest first; how many, by queue.

    At most PROMOTED_AT_ONCE: the write lock is not held for long, however many are due. Those with a limit get in line.
    """
    due = TaskRecord.objects.filter(status=READY, waits_until__lte=now).order_by("waits_until")
    found = due.values_list("id", "queue", "limit_key")[:PROMOTED_AT_ONCE]
    promoted: dict[str, int] = {}
    for _, queue, limit_key in found:
        if limit_key is None:
            promoted[queue] = promoted.get(queue, 0) + 1
    if promoted:
        free = [pk for pk, _, limit_key in found if limit_key is None]
        TaskRecord.objects.filter(pk__in=free, status=READY).update(waits_until=None)
    limits.line_up({pk: limit_key for pk, _, limit_key in found if limit_key is not None}, now)
    return promoted


def next_due() -> datetime | None:
    """When the next waiting task may run."""
    waiting = TaskRecord.objects.filter(status=READY, waits_until__isnull=False)
    return waiting.order_by("waits_until").values_list("waits_until", flat=True).first()
