"""What it means for others that a task has ended or gone back into its queue: its batch, those after it or in line."""

from typing import TYPE_CHECKING

from django.tasks import TaskResultStatus

from tasks.table import chains, tally

if TYPE_CHECKING:
    from tasks.models import TaskRecord
    from tasks.table.rows import ClaimedTask


def of(task: ClaimedTask | TaskRecord, status: str) -> set[str]:
    """Bring its batch and its chain up to date, in the transaction that has given it the status.

    Returns the keys of the limits under which somebody may get a place now, for `limits.admit`.
    """
    keys = {task.limit_key} if task.limit_key else set()
    if task.chain:
        chains.lock(task.chain)
    if task.chain and status == TaskResultStatus.SUCCESSFUL:
        keys |= chains.go_on(task.chain, after=task.id)
    elif task.chain and status == TaskResultStatus.FAILED:
        chains.break_off(task)
    if task.batch:  # after all tasks: everybody locks the rows in this order
        tally.count(task.batch, status)
    return keys
