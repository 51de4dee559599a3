"""What becomes of tasks whose process or interpreter has died or had to leave: free again, or FAILED."""

from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from tasks.errors import WorkerLost
from tasks.models import TaskRecord
from tasks.table import history, limits
from tasks.table.queue import FAILED, READY, RUNNING, aftermath

MOST_DEATHS = 3  # of the process or an interpreter that ran the same task; then it is taken for the cause
_PROCESS_DIED = "The process that ran it has died."


def recover(node: str, boot: str) -> dict[str, int]:
    """Free all that earlier boots of this node held; how many tasks, by queue.

    No time has to pass: who holds the node's lock knows that the earlier boots are dead. SQLite has but one node.
    """
    lost = TaskRecord.objects.filter(status=RUNNING).exclude(claim__startswith=f"{boot}/")
    if connection.vendor != "sqlite":
        lost = lost.filter(claim__startswith=f"{node}/")
    return _free_all(lost)


def take_back(boot: str) -> dict[str, int]:
    """Free all that a dead boot of another node held; how many tasks, by queue."""
    return _free_all(TaskRecord.objects.filter(status=RUNNING, claim__startswith=f"{boot}/"))


def lose(task_id: UUID, reason: str) -> str:
    """The interpreter that ran the task has died, or was given up; returns the outcome for the metrics."""
    with transaction.atomic():
        for record in TaskRecord.objects.select_for_update().filter(pk=task_id, status=RUNNING):
            limits.admit(_free(record, reason))
    return "lost"


def release(boot: str) -> int:
    """Give back what this boot holds, as if the attempts had not begun; how many tasks.

    What must not run twice (on_lost="fail") has failed instead: it may have begun.
    """
    held = TaskRecord.objects.filter(status=RUNNING, claim__startswith=f"{boot}/")
    with transaction.atomic():
        failed = _free_all(held.filter(fail_if_lost=True), "The server has stopped before it ended.")
        rest = list(held.order_by("queue"))  # by id, SQLite reads the whole table
        for record in rest:
            held.filter(pk=record.pk).update(status=READY, claim=None, attempt=record.attempt - 1)
    return sum(failed.values()) + len(rest)


def _free_all(lost: QuerySet[TaskRecord], reason: str = _PROCESS_DIED) -> dict[str, int]:
    number: dict[str, int] = {}
    limit_keys: set[str] = set()
    with transaction.atomic():
        # Locked: each row once, whoever else frees them now. In the index's order: by id SQLite reads the whole table.
        found = lost.select_for_update().order_by("queue", "claim", "id")
        for record in sorted(found, key=lambda record: str(record.batch)):  # two that lock batches do it in one order
            limit_keys |= _free(record, reason)
            number[record.queue] = number.get(record.queue, 0) + 1
        limits.admit(limit_keys)
    return number


def _free(record: TaskRecord, reason: str) -> set[str]:
    """Returns the keys of the limits under which there may be a free place now."""
    record.deaths += 1
    lost = history.entry(
        record.attempt, record.claim, "lost", WorkerLost, f"{reason} (Death {record.deaths} with this task.)",
        started_at=record.last_attempted_at and record.last_attempted_at.isoformat(),
    )  # fmt: skip
    record.history = [*record.history, lost]
    record.worker, record.claim = record.claim or "", None
    if record.fail_if_lost or record.deaths >= MOST_DEATHS:
        record.status, record.finished_at = FAILED, timezone.now()
    else:
        record.status = READY
    record.save(update_fields=["deaths", "history", "worker", "claim", "status", "finished_at"])
    return aftermath(record, record.status)
