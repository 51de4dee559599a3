"""A row of the queue as Django's TaskResult; and the task that a path names."""

from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.base import TaskError
from django.utils.module_loading import import_string

from tasks.table.rows import ClaimedTask, FoundTask, NewTask


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


def _variant(task: Task, record: ClaimedTask) -> Task:
    """The task as it was enqueued: perhaps `using()` another backend, queue, priority or time."""
    wanted = record.backend, record.queue, record.priority, record.run_after
    if (task.backend, task.queue_name, task.priority, task.run_after) == wanted:
        return task
    return _using(record.task, *wanted)


@lru_cache(maxsize=256)  # made anew it takes a third of the time of a task in memory
def _using(path: str, backend: str, queue: str, priority: int, run_after: datetime | None) -> Task:
    return find_task(path).using(backend=backend, queue_name=queue, priority=priority, run_after=run_after)


def as_result(found: FoundTask) -> TaskResult:
    """What the row says, as Django's API shows it."""
    task = _variant(find_task(found.task), found)
    result = _result(
        found.id, task, found.backend, found.arguments, enqueued_at=found.enqueued_at,
        status=TaskResultStatus(found.status), started_at=found.started_at, finished_at=found.finished_at,
        last_attempted_at=found.last_attempted_at, errors=errors_of(found.history),
        worker_ids=worker_ids(found.history, found.claim or found.worker, found.attempt),
    )  # fmt: skip
    object.__setattr__(result, "_return_value", found.return_value)
    return result


def new_result(new: NewTask, task: Task) -> TaskResult:
    """The result that enqueue() returns."""
    return _result(new.id, task, new.backend, new.arguments, enqueued_at=new.enqueued_at, status=TaskResultStatus.READY)


def running_result(claimed: ClaimedTask, task: Task) -> TaskResult:
    """The result that a running task sees of itself."""
    return _result(
        claimed.id, _variant(task, claimed), claimed.backend, claimed.arguments, enqueued_at=claimed.enqueued_at,
        status=TaskResultStatus.RUNNING, started_at=claimed.started_at, last_attempted_at=claimed.last_attempted_at,
        errors=errors_of(claimed.history), worker_ids=worker_ids(claimed.history, claimed.claim, claimed.attempt),
    )  # fmt: skip


def _result(id: UUID, task: Task, backend: str, arguments: dict[str, Any], **fields: Any) -> TaskResult:
    not_yet: dict[str, Any] = dict.fromkeys(("started_at", "finished_at", "last_attempted_at"))
    not_yet |= {"errors": [], "worker_ids": []}
    return TaskResult(id=str(id), task=task, backend=backend, **arguments, **(not_yet | fields))


def errors_of(history: list[dict[str, Any]]) -> list[TaskError]:
    return [TaskError(exception_class_path=end["type"], traceback=end["traceback"]) for end in history]


def worker_ids(history: list[dict[str, Any]], worker: str, attempts: int) -> list[str]:
    """Who ran each attempt: those that failed, then the one that runs or has ended well."""
    ids = [end["worker"] for end in history]
    return (ids + [worker] * attempts)[:attempts]
