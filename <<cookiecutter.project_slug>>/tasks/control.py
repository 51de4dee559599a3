"""What people do to tasks: cancel one, retry one."""

from typing import Any

from django.utils import timezone

from tasks import wakeup
from tasks.errors import TaskCancelled
from tasks.models import TaskRecord
from tasks.queue import FAILED, READY, RUNNING


def cancel(record: TaskRecord) -> None:
    """End a task that waits at once; one that runs is asked to end. A finished one stays as it is."""
    waiting = TaskRecord.objects.filter(pk=record.pk, status=READY)
    history = [*record.history, _trace(record)]
    if not waiting.update(status=FAILED, finished_at=timezone.now(), cancelled=True, history=history):
        TaskRecord.objects.filter(pk=record.pk, status=RUNNING).update(cancelled=True)
        wakeup.cancel(record.pk)


def retry(record: TaskRecord) -> None:
    """Put a failed task back into its queue, with all its attempts before it. Others stay as they are."""
    failed = TaskRecord.objects.filter(pk=record.pk, status=FAILED)
    if failed.update(status=READY, finished_at=None, cancelled=False, waits_until=None, progress=None):
        wakeup.announce(record.queue)
        wakeup.wake(record.queue)


def _trace(record: TaskRecord) -> dict[str, Any]:
    message = "It was cancelled before it ran."
    return {
        "attempt": record.attempt,
        "worker": "-",
        "outcome": "cancelled",
        "ended_at": timezone.now().isoformat(),
        "type": f"{TaskCancelled.__module__}.{TaskCancelled.__qualname__}",
        "message": message,
        "traceback": message,
    }
