"""What waits and runs, by queue, read from the partial indexes alone: also where a million tasks wait."""

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.table.queue import READY, RUNNING
from tasks.table.statements import read_moment

# Not DISTINCT, which reads every waiting task on both databases: one look for each queue.
WITH_WORK = """
WITH queues(name) AS (VALUES {rows})
SELECT name FROM queues WHERE EXISTS (
    SELECT 1 FROM tasks_taskrecord WHERE status = 'READY' AND waits_until IS NULL AND queue = queues.name
) AND NOT EXISTS (SELECT 1 FROM tasks_pausedqueue WHERE tasks_pausedqueue.name = queues.name)
"""
# Counted along the index, whose order is queue, priority, id. Then one look for the oldest task of each priority: the
# first one of this priority or a lower one, since by `id` alone PostgreSQL goes through all the finished tasks first.
COUNT_READY = """
SELECT queue, number, (
    SELECT CASE WHEN run_after > enqueued_at THEN run_after ELSE enqueued_at END FROM tasks_taskrecord AS oldest
     WHERE status = 'READY' AND waits_until IS NULL
       AND oldest.queue = counted.queue AND oldest.priority <= counted.priority
     ORDER BY oldest.priority DESC, id LIMIT 1
)
  FROM (
    SELECT queue, priority, COUNT(*) AS number FROM tasks_taskrecord
     WHERE status = 'READY' AND waits_until IS NULL
     GROUP BY queue, priority
  ) AS counted
"""


def queues_with_work(names: tuple[str, ...]) -> list[str]:
    """Those of the queues in which a task can be claimed."""
    with connection.cursor() as cursor:
        cursor.execute(WITH_WORK.format(rows=", ".join(["(%s)"] * len(names))), names)
        return [name for (name,) in cursor.fetchall()]


def claimable(queue: str, most: int) -> int:
    """How many tasks of a queue can be claimed, counted up to `most`."""
    waiting = TaskRecord.objects.filter(status=READY, waits_until=None, queue=queue)
    return waiting.order_by("-priority", "id")[:most].count()  # in the order of the index


def ready() -> dict[str, tuple[int, int]]:
    """How many tasks can be claimed, and for how many ms the oldest of them has waited."""
    found: dict[str, tuple[int, int]] = {}
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(COUNT_READY)
        for queue, number, oldest in cursor.fetchall():
            others, longest = found.get(queue, (0, 0))
            found[queue] = others + number, max(longest, int((now - read_moment(oldest)).total_seconds() * 1000))
    return found


def running() -> dict[str, int]:
    """How many tasks run."""
    counted = TaskRecord.objects.filter(status=RUNNING).order_by().values_list("queue")
    return dict(counted.annotate(number=Count("*")))
