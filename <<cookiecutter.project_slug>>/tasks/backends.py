"""The backends for Django's TASKS setting."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.tasks import Task, TaskResult
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
from django.tasks.signals import task_enqueued

from runtime.shared.memory_queue import Letter
from tasks.json_values import arguments_of
from tasks.options import DurableTask
from tasks.table import conditions, origin, queue, tally
from tasks.table.handover import alert, hand_over
from tasks.table.memory_queue import MemoryTask, Posting, queue_of, refuse_in_a_block, refuse_what_needs_a_table
from tasks.table.results import as_result, new_result
from tasks.table.rows import NewTask

type Call = tuple[Sequence[Any], dict[str, Any]]  # positional and keyword arguments of one task


class DurableBackend(BaseTaskBackend):
    """Tasks in the project's database: enqueued with the transaction that is open, run at least once."""

    task_class = DurableTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: Task) -> None:
        if self.queues and task.queue_name not in self.queues:
            there = ", ".join(sorted(self.queues))
            raise InvalidTask(f'There is no queue "{task.queue_name}" in TASKS["{self.alias}"]["QUEUES"]: {there}.')
        super().validate_task(task)

    def enqueue(self, task: Task, args: Sequence[Any], kwargs: dict[str, Any]) -> TaskResult:
        if task.run_after is getattr(task, "unique", None) is getattr(task, "limit", None) is None:  # else it may wait
            alert(task.queue_name)
        return self.enqueue_many(task, [(args, kwargs)])[0]

    def enqueue_many(self, task: Task, calls: Iterable[Call]) -> list[TaskResult]:
        """Enqueue the same task several times, a thousand with each statement."""
        self.validate_task(task)
        new = [self._new(task, args, kwargs) for args, kwargs in calls]
        if not new:
            return []
        connection.close_if_health_check_failed()  # statements.py goes past the cursor that does this
        instead = {} if len(new) == 1 and hand_over(new[0]) else conditions.insert(new)
        results = {each.id: new_result(each, task) for each in new if each.id not in instead}
        for result in results.values():
            task_enqueued.send(type(self), task_result=result)
        return [results.get(each.id) or as_result(instead[each.id]) for each in new]

    def get_result(self, result_id: str) -> TaskResult:
        try:
            found = queue.find(uuid.UUID(str(result_id)))
        except ValueError:
            found = None
        if found is None:
            raise TaskResultDoesNotExist(result_id)
        return as_result(found)

    def _new(self, task: Task, args: Sequence[Any], kwargs: dict[str, Any]) -> NewTask:
        return NewTask(
            task=task.module_path,
            backend=self.alias,
            queue=task.queue_name,
            priority=task.priority,
            arguments=arguments_of(task.module_path, args, kwargs),
            run_after=task.run_after,
            fail_if_lost=getattr(task, "on_lost", "retry") == "fail",
            batch=tally.current(),
            origin=origin.current(),
            **conditions.of(task, args, kwargs),
        )


class InterpreterQueueBackend(BaseTaskBackend):
    """Tasks in memory, from one interpreter to another: in order, bounded, run at most once, gone with the process."""

    task_class = MemoryTask
    supports_async_task = True

    def validate_task(self, task: Task) -> None:
        super().validate_task(task)
        refuse_what_needs_a_table(task)

    def enqueue(self, task: Task, args: Sequence[Any], kwargs: dict[str, Any]) -> TaskResult:
        """Put the task into memory; in a transaction, with its commit. Raises MemoryQueueFull, NoWorkersHere."""
        self.validate_task(task)
        refuse_in_a_block(task)
        new = NewTask(
            task=task.module_path,
            backend=self.alias,
            queue=task.queue_name,
            priority=task.priority,
            arguments=arguments_of(task.module_path, args, kwargs, in_row=False),
        )
        letter = Letter(new.id.bytes, new.task, new.backend, new.queue, new.arguments, new.enqueued_at.timestamp())
        Posting(letter, queue_of(task)).post()
        result = new_result(new, task)
        task_enqueued.send(type(self), task_result=result)
        return result
