"""Waking the workers after an enqueue: by a descriptor in the server, from any other process by the server's socket.

With PostgreSQL, where there may be other nodes, NOTIFY at the commit tells all other main interpreters (peers.py).
"""

from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from runtime.interpreter import inside
from runtime.shared import descriptors, node_sockets


def cancel(task_id: UUID, claim: str) -> None:
    """Tell the servers, on this DATA_DIR or this database, that a running task is to end: whose claim it is ends it."""
    words = f"cancel {task_id.hex} {claim}"
    node_sockets.send(settings.DATA_DIR, words)
    _notify(announcement(words))


def wake(queue: str, number: int = 1, due: datetime | None = None) -> None:
    """`number` tasks were committed to `queue`; with `due`, they are to run then and the housekeeper keeps the time."""
    if inside.current is None:
        if connection.vendor == "sqlite":  # else the announcement has told all nodes, this machine's too
            node_sockets.send(settings.DATA_DIR, message(queue, due))
    elif due:
        descriptors.signal(inside.current.wakeups.housekeeper)
    elif queue in inside.current.wakeups.queues and not is_paused(queue):  # not one that the settings have lost since
        descriptors.signal(inside.current.wakeups.queues[queue], number)


def is_paused(queue: str) -> bool:
    """Whether the housekeeper of this server knows the queue as paused: nobody need be woken for it."""
    return inside.board is not None and inside.board.is_paused(queue)


def wake_on_commit(queue: str, number: int = 1, due: datetime | None = None) -> None:
    """`wake` and `announce`, with the transaction that is open."""
    announce(queue, number, due)
    transaction.on_commit(partial(wake, queue, number, due))


def wake_housekeepers() -> None:
    """With the transaction that is open: times in the table have changed, the housekeepers of all nodes are to look."""
    announce("", due=timezone.now())
    transaction.on_commit(partial(wake, "", due=timezone.now()))


def announce(queue: str, number: int = 1, due: datetime | None = None) -> None:
    """Tell the other nodes the same, with the transaction that is open. `queue.insert` does it by itself."""
    _notify(announcement(message(queue, due), number))


def announcement(message: str, number: int = 1) -> str:
    """What a notification carries: who sends it, how many tasks there are, a mark, and what WakeupSocket understands.

    The mark is there because PostgreSQL drops a second notification of a transaction that equals the first.
    """
    sender = inside.current.boot if inside.current else "-"
    return f"{sender} {number} {uuid4().hex} {message}"


def message(queue: str, due: datetime | None) -> str:
    return "due" if due else f"queue {queue}"


def _notify(announcement: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify('tasks', %s)", [announcement])
