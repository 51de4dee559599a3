"""The queue and its database: insert, claim, finish, retry, release. The one place that changes a task's status.

A claim names who holds the task: node/boot/interpreter/generation. Every later write asks for it, so the outcome of an
interpreter that was given up, or of a process that was thought dead, changes nothing.

What every task passes through is plain SQL, a statement and a commit each: through the ORM a task costs four times as
much (docs/performance.md). The literals in the statements let both databases use the partial indexes.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.tasks import TaskResultStatus
from django.utils import timezone

from tasks import wakeup
from tasks.models import TaskRecord

READY, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
FAILED, SUCCESSFUL = TaskResultStatus.FAILED, TaskResultStatus.SUCCESSFUL

ROWS_IN_A_STATEMENT = 1000
PROMOTED_AT_ONCE = 1000

INSERT = """
INSERT INTO tasks_taskrecord
    (id, task, backend, queue, priority, arguments, run_after, waits_until, enqueued_at, fail_if_lost) VALUES
"""
CLAIM = """
UPDATE tasks_taskrecord
   SET status = 'RUNNING', claim = %s, attempt = attempt + 1, last_attempted_at = %s,
       started_at = COALESCE(started_at, %s)
 WHERE id = (
    SELECT id FROM tasks_taskrecord
     WHERE status = 'READY' AND waits_until IS NULL AND queue = %s
     ORDER BY priority DESC, id LIMIT 1 {skip_locked}
 )
RETURNING {columns}
"""
HELD = "SELECT {columns} FROM tasks_taskrecord WHERE claim = %s AND status = 'RUNNING'"
COLUMNS = """id, task, backend, queue, priority, arguments, run_after, enqueued_at, started_at, last_attempted_at,
             attempt, checkpoint, history"""
SUCCEED = """
UPDATE tasks_taskrecord
   SET status = 'SUCCESSFUL', return_value = %s, finished_at = %s, worker = claim, claim = NULL
 WHERE id = %s AND claim = %s AND status = 'RUNNING'
"""


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
    enqueued_at: datetime = field(default_factory=timezone.now)
    id: uuid.UUID = field(default_factory=uuid.uuid7)  # in order of time

    @property
    def waits_until(self) -> datetime | None:
        return self.run_after if self.run_after and self.run_after > self.enqueued_at else None


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
    checkpoint: Any
    history: list[dict[str, Any]]
    claim: str  # the holder


def insert(tasks: Sequence[NewTask]) -> None:
    """Put tasks into the table; with the open transaction, if there is one."""
    with connection.cursor() as cursor:
        if len(tasks) == 1:  # no transaction of its own for the usual case
            return _insert(cursor, tasks)
        with transaction.atomic():
            for start in range(0, len(tasks), ROWS_IN_A_STATEMENT):
                _insert(cursor, tasks[start : start + ROWS_IN_A_STATEMENT])


def _insert(cursor: Any, tasks: Sequence[NewTask]) -> None:
    values: list[Any] = []
    for task in tasks:
        values += [_id(task.id), task.task, task.backend, task.queue, task.priority, json.dumps(task.arguments)]
        values += [_time(task.run_after), _time(task.waits_until), _time(task.enqueued_at), task.fail_if_lost]
    rows = ", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"] * len(tasks))
    cursor.execute(INSERT + rows, values)


def claim(queue: str, holder: str) -> ClaimedTask | None:
    """Take the next task of a queue for `holder`; None where nothing waits."""
    now = _time(timezone.now())
    skip_locked = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM.format(skip_locked=skip_locked, columns=COLUMNS), [holder, now, now, queue])
        row = cursor.fetchone()
    return None if row is None else _claimed(row, holder)


def held(holder: str) -> list[ClaimedTask]:
    """What `holder` has claimed and not ended."""
    with connection.cursor() as cursor:
        cursor.execute(HELD.format(columns=COLUMNS), [holder])
        return [_claimed(row, holder) for row in cursor.fetchall()]


def _claimed(row: tuple[Any, ...], holder: str) -> ClaimedTask:
    found = ClaimedTask(*(*row, holder))
    if connection.vendor == "sqlite":
        found.id = uuid.UUID(found.id)  # type: ignore[arg-type]  # stored as text
        for name in ("run_after", "enqueued_at", "started_at", "last_attempted_at"):
            if value := getattr(found, name):
                setattr(found, name, value.replace(tzinfo=UTC))  # stored without
    for name in ("arguments", "checkpoint", "history"):
        if (text := getattr(found, name)) is not None:
            setattr(found, name, json.loads(text))
    return found


def succeed(task: ClaimedTask, return_value: Any) -> bool:
    """Record that a claimed task has ended well. False where the claim is held no more."""
    with connection.cursor() as cursor:
        cursor.execute(SUCCEED, [json.dumps(return_value), _time(timezone.now()), _id(task.id), task.claim])
        return bool(cursor.rowcount)


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


def update(task: ClaimedTask, **fields: Any) -> bool:
    """Write fields of a claimed task. False where the claim is held no more."""
    held = TaskRecord.objects.filter(pk=task.id, claim=task.claim, status=RUNNING)
    return bool(held.update(**fields))


def promote(now: datetime) -> dict[str, int]:
    """Make tasks claimable whose time has come, the earliest first; how many, by queue.

    At most PROMOTED_AT_ONCE: the write lock is not held for long, however many are due.
    """
    due = TaskRecord.objects.filter(status=READY, waits_until__lte=now).order_by("waits_until")
    found = due.values_list("id", "queue")[:PROMOTED_AT_ONCE]
    promoted: dict[str, int] = {}
    for _, queue in found:
        promoted[queue] = promoted.get(queue, 0) + 1
    if promoted:
        TaskRecord.objects.filter(pk__in=[pk for pk, _ in found], status=READY).update(waits_until=None)
    return promoted


def next_due() -> datetime | None:
    """When the next waiting task may run."""
    waiting = TaskRecord.objects.filter(status=READY, waits_until__isnull=False)
    return waiting.order_by("waits_until").values_list("waits_until", flat=True).first()


def _id(value: uuid.UUID) -> uuid.UUID | str:
    return value.hex if connection.vendor == "sqlite" else value


def _time(value: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(value)
