"""For your own tests: run what has been enqueued, here and now; kill a task at each of its lines (tasks/crashes).

Django's own two backends do not know the options of DurableBackend (tests/tasks/test_other_backends.py).
"""

from django.conf import settings
from django.db import connection
from django.utils import timezone

from runtime.shared.memory_queue import MemoryQueue
from tasks import queues
from tasks.crashes import crash_everywhere
from tasks.models import TaskRecord
from tasks.records import log_lines
from tasks.table import limits, memory_queue, queue
from tasks.table.memory_queue import Posting
from tasks.table.memory_sizes import memory_sizes
from tasks.worker.attempt import Attempt
from tasks.worker.memory_worker import MemoryAttempt

__all__ = ["crash_everywhere", "run_pending"]

HOLDER = "test/test/test/0"


class _Queues(dict[str, MemoryQueue]):
    """The memory queues of a test process, each made when it is asked for: a test may have settings of its own."""

    def __missing__(self, name: str) -> MemoryQueue:
        size = dict(memory_sizes(settings.TASKS))[name]
        self[name] = MemoryQueue.make_all(((name, size),))[name]
        return self[name]


memory_queue.outside = _Queues()


def run_pending() -> int:
    """Run all tasks that are due, and those that they enqueue, in this thread and transaction; how many attempts ran.

    Works in Django's TestCase: nothing is committed. A retry whose pause is not over is not due. Tasks in memory run as
    well, first those that wait for the commit.
    """
    attempts = 0
    log_lines.listen()
    while attempt := _next_in_table() or _next_to_be_committed() or _next_in_memory():
        attempt.run()
        attempts += 1
    return attempts


def _next_in_table() -> Attempt | None:
    queue.promote(timezone.now())
    limits.admit_all()  # what waits for a commit elsewhere
    waiting = TaskRecord.objects.filter(status=queue.READY, waits_until=None)
    for name in waiting.order_by("queue").values_list("queue", flat=True).distinct():
        if (task := queue.claim(name, HOLDER)) is not None:
            return Attempt(task)
    return None


def _next_to_be_committed() -> MemoryAttempt | None:
    for entry in connection.run_on_commit:
        if isinstance(entry[1], Posting) and entry[1].letter.queue not in queues.paused():
            connection.run_on_commit.remove(entry)
            return MemoryAttempt(entry[1].letter, HOLDER)
    return None


def _next_in_memory() -> MemoryAttempt | None:
    for name, each in memory_queue.outside.items():
        if each.number_waiting and name not in queues.paused() and (place := each.take()) is not None:
            letter = each.read(place)
            each.clear(place)
            return MemoryAttempt(letter, HOLDER)
    return None
