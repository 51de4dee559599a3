"""A row of the queue as Django's TaskResult."""

from functools import cache
from typing import Any

from django.tasks import Task, TaskResult, TaskResultStatus, task_backends
from django.tasks.base import TaskError
from django.utils.module_loading import import_string

from tasks.models import TaskRecord


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


def as_result(record: TaskRecord, task: Task | None = None) -> TaskResult:
    """What the row says, as Django's API shows it."""
    result = TaskResult(
        task=(task or _task_of(record)),
        id=str(record.pk),
        status=TaskResultStatus(record.status),
        enqueued_at=record.enqueued_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        last_attempted_at=record.last_attempted_at,
        args=record.arguments["args"],
        kwargs=record.arguments["kwargs"],
        backend=record.backend,
        errors=[as_error(attempt) for attempt in record.history if attempt.get("type")],
        worker_ids=worker_ids(record),
    )
    object.__setattr__(result, "_return_value", record.return_value)
    return result


def as_error(attempt: dict[str, Any]) -> TaskError:
    return TaskError(exception_class_path=attempt["type"], traceback=attempt["traceback"])


def worker_ids(record: TaskRecord) -> list[str]:
    """Who ran each attempt. An attempt that left no trace (it was the last, and went well) counts as "-"."""
    ids = [attempt["worker"] for attempt in record.history]
    return (ids + [record.claim or record.worker or "-"] * record.attempt)[: record.attempt]


def _task_of(record: TaskRecord) -> Task:
    task = find_task(record.task)
    if (task.queue_name, task.priority, task.run_after) == (record.queue, record.priority, record.run_after):
        return task
    return task.using(queue_name=record.queue, priority=record.priority, run_after=record.run_after)


def backend_class(record: TaskRecord) -> type:
    return type(task_backends[record.backend])
