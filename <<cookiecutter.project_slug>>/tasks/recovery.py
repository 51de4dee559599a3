"""What becomes of tasks whose process or interpreter has died or had to leave: free again, or FAILED."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from runtime import inside
from runtime.board import Cell, task_id
from runtime.inside import Assignment
from tasks import aftermath, awaiting, limits, queue
from tasks.attempt import Attempt
from tasks.errors import TaskCancelled, TaskTimeout, WorkerLost
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
    return _free_all(lost)


def take_back(boot: str) -> dict[str, int]:
    """Free all that a dead boot of another node held; how many tasks, by queue."""
    return _free_all(TaskRecord.objects.filter(status=RUNNING, claim__startswith=f"{boot}/"))


def settle(assignment: Assignment) -> None:
    """Write what became of the tasks of predecessors that died or were given up, before this interpreter takes any."""
    assert inside.board is not None
    for verdict in assignment.verdicts:
        rows = [inside.board.seat(seat) for seat in verdict.seats]
        run_on = {task_id(row) for row in rows if row[Cell.BUSY_SINCE]}
        for claimed in queue.held(verdict.claim):
            if why := verdict.tasks.get(claimed.id.hex):
                error = {"timeout": TaskTimeout, "cancelled": TaskCancelled}[why](verdict.reason)
                if stack := verdict.stacks.get(claimed.id.hex):
                    error.add_note(f"Where it was:\n{stack}")
                outcome = Attempt(claimed).give_up(error)
            elif claimed.id.hex in run_on:
                continue
            else:
                outcome = lose(claimed.id, verdict.reason)
                awaiting.tell(claimed.id)  # it may run again: who waits looks at its row
            inside.board.count_outcome(assignment.seats[0], claimed.queue, outcome)


def lose(task_id: UUID, reason: str) -> str:
    """The interpreter that ran the task has died; returns the outcome for the metrics."""
    with transaction.atomic():
        for record in TaskRecord.objects.select_for_update().filter(pk=task_id, status=RUNNING):
            limits.admit(_free(record, reason))
    return "lost"


def release(boot: str) -> int:
    """Give back what this boot holds, as if the attempts had not begun; how many tasks."""
    held = TaskRecord.objects.filter(status=RUNNING, claim__startswith=f"{boot}/")
    with transaction.atomic():
        records = list(held.order_by("queue"))  # by id, SQLite reads the whole table
        for record in records:
            held.filter(pk=record.pk).update(status=READY, claim=None, attempt=record.attempt - 1)
    return len(records)


def _free_all(lost: QuerySet[TaskRecord]) -> dict[str, int]:
    number: dict[str, int] = {}
    limit_keys: set[str] = set()
    with transaction.atomic():
        # Locked: each row once, whoever else frees them now. In the index's order: by id SQLite reads the whole table.
        found = lost.select_for_update().order_by("queue", "claim", "id")
        for record in sorted(found, key=lambda record: str(record.batch)):  # two that lock batches do it in one order
            limit_keys |= _free(record, "The process that ran it has died.")
            number[record.queue] = number.get(record.queue, 0) + 1
        limits.admit(limit_keys)
    return number


def _free(record: TaskRecord, reason: str) -> set[str]:
    """Returns the keys of the limits under which there may be a free place now."""
    record.deaths += 1
    record.history = [*record.history, _trace(record, reason)]
    record.worker, record.claim = record.claim or "", None
    if record.fail_if_lost or record.deaths >= MOST_DEATHS:
        record.status, record.finished_at = FAILED, timezone.now()
    else:
        record.status = READY
    record.save(update_fields=["deaths", "history", "worker", "claim", "status", "finished_at"])
    return aftermath.of(record, record.status)


def _trace(record: TaskRecord, reason: str) -> dict[str, Any]:
    message = f"{reason} (Death {record.deaths} with this task.)"
    return {
        "attempt": record.attempt,
        "worker": record.claim,
        "outcome": "lost",
        "started_at": record.last_attempted_at and record.last_attempted_at.isoformat(),
        "ended_at": timezone.now().isoformat(),
        "type": f"{WorkerLost.__module__}.{WorkerLost.__qualname__}",
        "message": message,
        "traceback": message,
    }
