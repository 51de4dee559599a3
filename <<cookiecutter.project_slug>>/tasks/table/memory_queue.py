"""The sender's side of a memory queue (runtime/shared/memory_queue.py): what may go into it, and how it gets there."""

import logging
from dataclasses import dataclass, fields

from django.db import connection, transaction
from django.tasks import Task
from django.tasks.exceptions import InvalidTask

from runtime.interpreter import inside
from runtime.shared.log import event
from runtime.shared.memory_queue import PLACE, Letter, MemoryQueue
from tasks.errors import MemoryQueueFull, NoWorkersHere
from tasks.table import chains, tally, wakeup

KNOWN = {field.name for field in fields(Task)} | {"timeout", "on_lost"}  # it runs once at most whatever on_lost is

outside: dict[str, MemoryQueue] = {}  # where there is no server: of a test (tasks/testing.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTask(Task):
    """A task of a memory queue. `timeout` in seconds; 0: the pool's."""

    timeout: float = 0

    def __post_init__(self) -> None:
        if self.timeout < 0:
            raise InvalidTask("timeout must be a number of seconds, 0 or more.")
        Task.__post_init__(self)


def refuse_what_needs_a_table(task: Task) -> None:
    """A task of the durable queue may come `using` this backend, but not with options that would be left undone."""
    options = (field for field in fields(task) if field.name not in KNOWN)
    if beyond := [field.name for field in options if getattr(task, field.name) != field.default]:
        name = f"{task.func.__module__}.{task.func.__qualname__}"
        raise InvalidTask(f"{name}: {', '.join(beyond)}: only the durable queue can do that.")


def refuse_in_a_block(task: Task) -> None:
    """Of tasks.chain() or tasks.batch(…)."""
    if chains.current.get() is not None or tally.current() is not None:
        raise InvalidTask(
            f"{task.module_path}: chains and batches are kept in the table, so a task of the backend {task.backend} "
            "cannot be part of one. Enqueue it to a durable backend, or outside of the block."
        )


def queue_of(task: Task) -> MemoryQueue:
    """Raises NoWorkersHere."""
    queues = inside.current.wakeups.memory if inside.current else outside
    try:
        return queues[task.queue_name]
    except KeyError:
        raise NoWorkersHere(
            f"{task.module_path}: tasks of the backend {task.backend} stay in the memory of the server that enqueues "
            "them, and this process runs no workers. Enqueue to a durable backend. (In a test: import tasks.testing.)"
        ) from None


@dataclass(frozen=True, slots=True)
class Posting:
    """A task on its way into the queue."""

    letter: Letter
    queue: MemoryQueue

    def post(self) -> None:
        """Now, or with the commit of the transaction that is open. Raises MemoryQueueFull, ValueError."""
        if (length := len(self.letter.pack())) > PLACE:
            raise ValueError(
                f"{self.letter.task}: with its arguments it takes {length} bytes, and {PLACE} fit into a memory queue. "
                "Pass a key to what is large, or enqueue it to a durable backend."
            )
        if self.queue.is_full() if connection.in_atomic_block else not self._post():
            raise self._full()
        if connection.in_atomic_block:
            transaction.on_commit(self)

    def __call__(self) -> None:
        """The transaction was committed: whoever enqueued cannot be told any more that there is no room."""
        if not self._post():
            event("memory_tasks_lost", logging.ERROR, number=1, tasks=self.letter.task, reason=str(self._full()))

    def _post(self) -> bool:
        return self.queue.post(self.letter, wakes=not wakeup.is_paused(self.letter.queue))

    def _full(self) -> MemoryQueueFull:
        letter, size = self.letter, len(self.queue.places)
        return MemoryQueueFull(
            f"{letter.task}: {size} tasks of the queue {letter.queue} wait or run in memory, and no more may. Try "
            f'again later, enqueue it to a durable backend, or raise TASKS["{letter.backend}"]["OPTIONS"]["size"].'
        )
