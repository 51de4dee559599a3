"""A row of the queue as Django's TaskResult; and the task that a path names."""

from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.base import TaskError
from django.utils.module_loading import import_string

from tasks.table.rows import ClaimedTask, NewTask


class TaskNotFound(ImportError):
    """The path in the row leads to no task: it was renamed or deleted, or its module does not import."""


@cache
def find_task(path: str) -> Task:
    """The task at a dotted path. Raises TaskNotFound."""
    try:
        found = import_string(path)
    except ImportError as error:
        raise TaskNotFound(f"{path}: {error}") from error
    if not isinstance(found, Task):
        raise TaskNotFound(f"{path} is not a task: decorate it with @task.")
    return found


@lru_cache(maxsize=256)  # made anew it takes a third of the time of a task in memory
def _using(path: str, backend: str, queue: str, priority: int, run_after: datetime | None) -> Task:
    return find_task(path).using(backend=backend, queue_name=queue, priority=priority, run_after=run_after)


def as_result(row: ClaimedTask) -> TaskResult:
    """What the row says, as Django's API shows it, and a running task sees itself."""
    task, wanted = find_task(row.task), (row.backend, row.queue, row.priority, row.run_after)
    if (task.backend, task.queue_name, task.priority, task.run_after) != wanted:
        task = _using(row.task, *wanted)  # as it was enqueued
    # Who ran each attempt: those that failed, then the one that runs or has ended well.
    workers = [end["worker"] for end in row.history] + [row.claim or row.worker] * row.attempt
    result: TaskResult = TaskResult(
        id=str(row.id), task=task, backend=row.backend, **row.arguments, enqueued_at=row.enqueued_at,
        status=TaskResultStatus(row.status), started_at=row.started_at, finished_at=row.finished_at,
        last_attempted_at=row.last_attempted_at, errors=errors_of(row.history), worker_ids=workers[: row.attempt],
    )  # fmt: skip
    object.__setattr__(result, "_return_value", row.return_value)
    return result


def new_result(new: NewTask, task: Task) -> TaskResult:
    """The result that enqueue() returns."""
    return TaskResult(
        id=str(new.id), task=task, backend=new.backend, **new.arguments, enqueued_at=new.enqueued_at,
        status=TaskResultStatus.READY, started_at=None, finished_at=None, last_attempted_at=None, errors=[],
        worker_ids=[],
    )  # fmt: skip


def errors_of(history: list[dict[str, Any]]) -> list[TaskError]:
    return [TaskError(exception_class_path=end["type"], traceback=end["traceback"]) for end in history]
