"""What becomes of tasks whose process has died or had to leave. Run at start, before any worker."""

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from tasks.errors import WorkerLost
from tasks.models import TaskRecord
from tasks.queue import FAILED, READY, RUNNING

MOST_DEATHS = 3  # of the process with the same task running; then it is taken for the cause


def recover(node: str, boot: str) -> dict[str, int]:
    """Free all that earlier boots of this node held; how many tasks, by queue.

    No time has to pass: who holds the node's lock knows that the earlier boots are dead. SQLite has but one node.
    """
    lost = TaskRecord.objects.filter(status=RUNNING).exclude(claim__startswith=f"{boot}/")
    if connection.vendor != "sqlite":
        lost = lost.filter(claim__startswith=f"{node}/")
    queues: dict[str, int] = {}
    with transaction.atomic():
        for record in lost.order_by("id"):
            _free(record)
            queues[record.queue] = queues.get(record.queue, 0) + 1
    return queues


def release(boot: str) -> int:
    """Give back what this boot holds, as if the attempts had not begun; how many tasks."""
    held = TaskRecord.objects.filter(status=RUNNING, claim__startswith=f"{boot}/")
    with transaction.atomic():
        records = list(held)
        for record in records:
            held.filter(pk=record.pk).update(status=READY, claim=None, attempt=record.attempt - 1)
    return len(records)


def _free(record: TaskRecord) -> None:
    record.deaths += 1
    record.history = [*record.history, _trace(record)]
    record.worker, record.claim = record.claim or "", None
    if record.fail_if_lost or record.deaths >= MOST_DEATHS:
        record.status, record.finished_at = FAILED, timezone.now()
    else:
        record.status = READY
    record.save(update_fields=["deaths", "history", "worker", "claim", "status", "finished_at"])


def _trace(record: TaskRecord) -> dict[str, Any]:
    message = f"The process that ran it has died (death {record.deaths} with this task)."
    return {
        "attempt": record.attempt,
        "worker": record.claim,
        "outcome": "lost",
        "ended_at": timezone.now().isoformat(),
        "type": f"{WorkerLost.__module__}.{WorkerLost.__qualname__}",
        "message": message,
        "traceback": message,
    }
