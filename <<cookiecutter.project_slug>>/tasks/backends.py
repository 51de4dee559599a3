"""The backends for Django's TASKS setting."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.tasks import Task, TaskResult
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import TaskResultDoesNotExist
from django.tasks.signals import task_enqueued
from django.utils import timezone
from django.utils.json import normalize_json

from tasks import wakeup
from tasks.models import TaskRecord
from tasks.options import DurableTask
from tasks.results import as_result

type Call = tuple[Sequence[Any], dict[str, Any]]  # positional and keyword arguments of one task


class DurableBackend(BaseTaskBackend):
    """Tasks in the project's database: enqueued with the transaction that is open, run at least once."""

    task_class = DurableTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Task, args: Sequence[Any], kwargs: dict[str, Any]) -> TaskResult:
        return self.enqueue_many(task, [(args, kwargs)])[0]

    def enqueue_many(self, task: Task, calls: Iterable[Call]) -> list[TaskResult]:
        """Enqueue the same task several times with one statement."""
        self.validate_task(task)
        records = TaskRecord.objects.bulk_create([self._record(task, args, kwargs) for args, kwargs in calls])
        results = [as_result(record, task) for record in records]
        transaction.on_commit(lambda: wakeup.wake(task.queue_name, len(records), due=task.run_after))
        for result in results:
            task_enqueued.send(type(self), task_result=result)
        return results

    def get_result(self, result_id: str) -> TaskResult:
        try:
            return as_result(TaskRecord.objects.get(pk=uuid.UUID(result_id)))
        except (TaskRecord.DoesNotExist, ValueError) as error:
            raise TaskResultDoesNotExist(result_id) from error

    def _record(self, task: Task, args: Sequence[Any], kwargs: dict[str, Any]) -> TaskRecord:
        now = timezone.now()
        return TaskRecord(
            task=task.module_path,
            backend=self.alias,
            queue=task.queue_name,
            priority=task.priority,
            arguments=normalize_json({"args": list(args), "kwargs": kwargs}),
            run_after=task.run_after,
            waits_until=task.run_after if task.run_after and task.run_after > now else None,
            enqueued_at=now,
            fail_if_lost=getattr(task, "on_lost", "retry") == "fail",
        )
