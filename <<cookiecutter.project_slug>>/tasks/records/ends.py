"""How attempts end: in words, as an outcome for the metrics, and as an entry in the history of their task."""

from traceback import format_exception
from typing import Any

from tasks.errors import TaskCancelled, TaskTimeout
from tasks.records.report import message_of, storable
from tasks.table import history
from tasks.table.rows import ClaimedTask

ENDED: dict[type[BaseException], str] = {
    TaskTimeout: "It ran longer than its timeout.",
    TaskCancelled: "It was cancelled while it ran.",
    MemoryError: "It had taken the most when memory ran out.",
}
OUTCOME_OF: dict[type[BaseException], str] = {TaskTimeout: "timeout", TaskCancelled: "cancelled"}

TRACEBACK_LIMIT = 20_000  # characters of a traceback that are kept: its end, which names the error


def entry(
    task: ClaimedTask, error: BaseException, seconds: float, bill: dict[str, Any], freed_by: str
) -> dict[str, Any]:
    """The history's, of an attempt that has failed."""
    return history.entry(
        task.attempt, task.claim, "failed", type(error), message_of(error),
        traceback=storable("".join(format_exception(error))[-TRACEBACK_LIMIT:]),
        started_at=task.last_attempted_at.isoformat(), seconds=round(seconds, 6), bill=bill, freed_by=freed_by,
    )  # fmt: skip


def where_it_was(error: BaseException) -> BaseException | None:
    """The error of a task that was ended, for its traceback; None where it is another, or came from outside of it."""
    return error if type(error) in ENDED and error.__traceback__ else None
