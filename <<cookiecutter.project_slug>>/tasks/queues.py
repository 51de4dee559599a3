"""Pausing a queue: none of its tasks begins, on any node and over restarts, until it is resumed. What runs goes on.

The row in the table is what counts: the statement that claims a task looks there. The board of each server has a copy
of it, so that nobody is woken, and no interpreter started, for tasks that nobody may take. For tasks in memory, which
no statement claims, the copy counts.
"""

import time

from django.conf import settings
from django.db import connection, transaction
from django.tasks import task_backends

from runtime.interpreter import inside
from runtime.interpreter.inside import Assignment
from runtime.shared import descriptors
from runtime.shared.board import Gauge
from runtime.shared.log import event
from tasks.backends import DurableBackend, InterpreterQueueBackend
from tasks.models import PausedQueue
from tasks.table import counting, wakeup

OURS = (DurableBackend, InterpreterQueueBackend)
LONGEST_CLAIM = 5.0  # seconds that a pause waits for claims that began before it; they take a millisecond
CLAIMS = """
SELECT tasks.virtualtransaction FROM pg_locks AS tasks JOIN pg_locks AS paused USING (pid, virtualtransaction)
 WHERE tasks.relation = 'tasks_taskrecord'::regclass AND tasks.mode = 'RowExclusiveLock'
   AND paused.relation = 'tasks_pausedqueue'::regclass AND pid != pg_backend_pid()
"""


def names() -> list[str]:
    """The queues of the project, in the order of the settings; not those of other backends than the project's own."""
    ours = [alias for alias in settings.TASKS if isinstance(task_backends[alias], OURS)]
    return list(dict.fromkeys(name for alias in ours for name in settings.TASKS[alias].get("QUEUES", [])))


def paused() -> set[str]:
    return set(PausedQueue.objects.values_list("name", flat=True))


def pause(queue: str) -> bool:
    """Let no task of the queue begin from now on, or from the commit on. False where it was paused.

    Raises ValueError where the settings have no such queue.
    """
    if queue not in names():
        raise ValueError(f"There is no queue {queue!r}; there are {', '.join(names())}.")
    with transaction.atomic():
        _, is_new = PausedQueue.objects.get_or_create(name=queue)
        wakeup.wake_housekeepers()
        transaction.on_commit(_let_claims_end)
    return is_new


def resume(queue: str) -> bool:
    """Let its tasks begin again. False where it was not paused."""
    with transaction.atomic():
        number, _ = PausedQueue.objects.filter(name=queue).delete()
        wakeup.wake_housekeepers()
    return bool(number)


def show_on_board(assignment: Assignment) -> None:
    """The housekeeper's part: bring the board up to date, and wake the workers of queues that were resumed."""
    assert inside.board is not None
    now = paused()
    for name, descriptor in assignment.wakeups.queues.items():
        gauges = inside.board.gauges(name)
        before, gauges[Gauge.PAUSED] = bool(gauges[Gauge.PAUSED]), name in now
        if name in now and not before:
            event("queue_paused", queue=name)
            for each in assignment.wakeups.of((name,)):
                while descriptors.take(each):
                    pass
        elif before and name not in now:  # counted after the board says so: who enqueues from now on wakes by itself
            event("queue_resumed", queue=name)
            waiting = counting.claimable(name, descriptors.MOST_WAITING)
            descriptors.signal_up_to(descriptors.MOST_WAITING, descriptor, waiting)
            if name in assignment.wakeups.memory:
                assignment.wakeups.memory[name].wake()


def _let_claims_end() -> None:
    """Return once no claim is under way that has not seen the pause. SQLite's writes come one after the other."""
    if connection.vendor != "postgresql":
        return
    end, claims = time.monotonic() + LONGEST_CLAIM, _claims()
    while claims and time.monotonic() < end:
        time.sleep(0.005)
        claims &= _claims()


def _claims() -> set[str]:
    """Transactions that read which queues are paused and write tasks."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIMS)
        return {transaction for (transaction,) in cursor.fetchall()}
