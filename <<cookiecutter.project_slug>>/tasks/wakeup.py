"""Waking the workers after an enqueue: by a descriptor in the server, by its socket from any other process."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from runtime import inside
from runtime import wakeup as descriptors


def cancel(task_id: UUID) -> None:
    """Tell the servers on this DATA_DIR to end a running task."""
    descriptors.send(settings.DATA_DIR, f"cancel {task_id.hex}")


def wake(queue: str, number: int = 1, due: datetime | None = None) -> None:
    """`number` tasks were committed to `queue`; with `due`, they are to run then and the housekeeper keeps the time."""
    if inside.current is None:
        descriptors.send(settings.DATA_DIR, "due" if due else f"queue {queue}")
    elif due:
        descriptors.signal(inside.current.wakeups.housekeeper)
    else:
        descriptors.signal(inside.current.wakeups.queues[queue], number)
