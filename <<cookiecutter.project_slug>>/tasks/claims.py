"""How tasks leave and enter the queue: claim, finish, retry, release. The one place that changes a task's status.

A claim names who holds the task: node/boot/interpreter/generation. Every later write asks for it, so the outcome of an
interpreter that was given up, or of a process that was thought dead, changes nothing.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.tasks import TaskResultStatus
from django.utils import timezone

from tasks import wakeup
from tasks.models import TaskRecord

READY, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
FAILED, SUCCESSFUL = TaskResultStatus.FAILED, TaskResultStatus.SUCCESSFUL

# One statement, one short write lock. The literals let both databases use the partial index tasks_claimable.
CLAIM = """
UPDATE tasks_taskrecord
   SET status = 'RUNNING', claim = %s, attempt = attempt + 1,
       started_at = COALESCE(started_at, %s), last_attempted_at = %s
 WHERE id = (
    SELECT id FROM tasks_taskrecord
     WHERE status = 'READY' AND waits_until IS NULL AND queue = %s
     ORDER BY priority DESC, id LIMIT 1 {skip_locked}
 )
RETURNING *
"""


def claim(queue: str, holder: str) -> TaskRecord | None:
    """Take the next task of a queue for `holder`; None where nothing waits."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    skip_locked = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    found = TaskRecord.objects.raw(CLAIM.format(skip_locked=skip_locked), [holder, now, now, queue])
    return next(iter(found), None)


def finish(record: TaskRecord, **outcome: Any) -> bool:
    """Write how a claimed task ended: SUCCESSFUL with `return_value`, or FAILED with `history`.

    False where the claim is held no more: then the outcome is somebody else's to write.
    """
    return _write(record, finished_at=timezone.now(), claim=None, **outcome)


def retry(record: TaskRecord, after: timedelta, **fields: Any) -> bool:
    """Put a claimed task back into the queue after an attempt that failed."""
    waits_until = timezone.now() + after if after else None
    written = _write(record, status=READY, claim=None, waits_until=waits_until, **fields)
    wakeup.wake(record.queue, due=waits_until)
    return written


def release(record: TaskRecord) -> bool:
    """Give a claimed task back as if this attempt had not begun."""
    return _write(record, status=READY, claim=None, attempt=record.attempt - 1)


def save_progress(record: TaskRecord, **fields: Any) -> bool:
    """Write progress and checkpoint of a claimed task."""
    return _write(record, **fields)


def _write(record: TaskRecord, **fields: Any) -> bool:
    held = TaskRecord.objects.filter(pk=record.pk, claim=record.claim, status=RUNNING)
    return bool(held.update(**fields))


def promote(now: datetime) -> dict[str, int]:
    """Make tasks claimable whose time has come; how many, by queue."""
    due = TaskRecord.objects.filter(status=READY, waits_until__lte=now)
    queues: dict[str, int] = {}
    for queue in due.values_list("queue", flat=True):
        queues[queue] = queues.get(queue, 0) + 1
    if queues:
        due.update(waits_until=None)
    return queues


def next_due() -> datetime | None:
    """When the next waiting task may run."""
    waiting = TaskRecord.objects.filter(status=READY, waits_until__isnull=False)
    return waiting.order_by("waits_until").values_list("waits_until", flat=True).first()
