"""Waking the workers after an enqueue: by a descriptor in the server, by its socket from any other process."""

from datetime import datetime

from django.conf import settings

from runtime import inside
from runtime import wakeup as descriptors

HOUSEKEEPER = "due later"  # no queue has a name with a space


def wake(queue: str, number: int = 1, due: datetime | None = None) -> None:
    """`number` tasks were committed to `queue`; with `due`, they are to run then and the housekeeper keeps the time."""
    if inside.current is None:
        descriptors.send(settings.DATA_DIR, HOUSEKEEPER if due else queue)
    elif due:
        descriptors.signal(inside.current.wakeups.housekeeper)
    else:
        descriptors.signal(inside.current.wakeups.queues[queue], number)
