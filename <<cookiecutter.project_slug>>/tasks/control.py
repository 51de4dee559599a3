"""What people do to tasks: cancel one, retry one."""

from typing import Any

from django.utils import timezone

from tasks import awaiting, queue, wakeup
from tasks.errors import TaskCancelled
from tasks.models import TaskRecord
from tasks.queue import FAILED, READY, RUNNING


def cancel(record: TaskRecord) -> bool:
    """End a task that waits at once; one that runs is asked to end. A finished one stays as it is: False."""
    waiting = TaskRecord.objects.filter(pk=record.pk, status=READY)
    history = [*record.history, _trace(record)]
    ended: dict[str, Any] = {"status": FAILED, "finished_at": timezone.now(), "cancelled": True, "history": history}
    if queue.counted(record.batch, FAILED, lambda: bool(waiting.update(**ended))):
        awaiting.tell(record.pk)
        return True
    asked = TaskRecord.objects.filter(pk=record.pk, status=RUNNING).update(cancelled=True)
    wakeup.cancel(record.pk)
    return bool(asked)


def retry(record: TaskRecord) -> bool:
    """Put a failed task back into its queue, with all its attempts before it. Others stay as they are: False."""
    failed = TaskRecord.objects.filter(pk=record.pk, status=FAILED)
    again: dict[str, Any] = {"status": READY, "finished_at": None, "cancelled": False, "waits_until": None}
    if not queue.counted(record.batch, READY, lambda: bool(failed.update(**again, progress=None))):
        return False
    wakeup.announce(record.queue)
    wakeup.wake(record.queue)
    return True


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
