"""For your own tests: run what has been enqueued, here and now; kill a task at each of its lines (tasks/crashes).

Django's own two backends do not know the options of DurableBackend (tests/tasks/test_other_backends.py).
"""

from django.utils import timezone

from tasks import limits, queue
from tasks.attempt import Attempt
from tasks.crashes import crash_everywhere
from tasks.models import TaskRecord

__all__ = ["crash_everywhere", "run_pending"]

HOLDER = "test/test/test/0"


def run_pending() -> int:
    """Run all tasks that are due, and those that they enqueue, in this thread and transaction; how many attempts ran.

    Works in Django's TestCase: nothing is committed. A retry whose pause is not over is not due.
    """
    attempts = 0
    while (task := _claim_due()) is not None:
        Attempt(task).run()
        attempts += 1
    return attempts


def _claim_due() -> queue.ClaimedTask | None:
    queue.promote(timezone.now())
    limits.admit_all()  # what waits for a commit elsewhere
    waiting = TaskRecord.objects.filter(status=queue.READY, waits_until=None)
    for name in waiting.order_by("queue").values_list("queue", flat=True).distinct():
        if (task := queue.claim(name, HOLDER)) is not None:
            return task
    return None
