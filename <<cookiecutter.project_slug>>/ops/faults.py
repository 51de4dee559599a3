"""Faults to try in development, from buttons on the operations page: so that one sees the server come back.

Nothing of it is reachable without DEBUG (urls.py), and main kills no interpreter then (runtime/supervise/answers.py).
"""

import itertools
import time
from collections.abc import Callable

from django.db import connection, transaction
from django.http import Http404, HttpRequest
from django.tasks import task

from ops import server
from ops.access import action

LOCKED = 5  # seconds


@task(queue_name="exports", timeout=2)
def hold_the_gil() -> int:
    """One call of C code, some ten seconds long, that lets nothing else of its interpreter run."""
    return sum(itertools.repeat(1, 2_000_000_000))


@task(queue_name="exports", timeout=60)
def fill_the_memory(most: int) -> int:
    """Small objects, until the server's guard ends it; `most` bytes where it does not."""
    eaten: list[bytes] = []
    while len(eaten) * 1000 < most:
        eaten.append(bytes(1000))
    return len(eaten)


@task(queue_name="exports")
def lock_the_database() -> None:
    """What else writes has to wait: a request, the end of a task."""
    with transaction.atomic():  # on SQLite this takes the lock
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE tasks_taskrecord IN EXCLUSIVE MODE")
        time.sleep(LOCKED)


def _hold(request: HttpRequest) -> str:
    hold_the_gil.enqueue()
    return "In some four seconds its interpreter is written off and replaced."


def _fill(request: HttpRequest) -> str:
    limit = server.overview().get("memory_limit")
    if not limit:
        return "There is no limit that would protect this machine: start with MEMORY_LIMIT=400M."
    fill_the_memory.enqueue(2 * limit)
    return "It fails with MemoryError once the guard has seen it."


def _lock(request: HttpRequest) -> str:
    lock_the_database.enqueue()
    return f"For {LOCKED} seconds nobody else can write."


def _kill(request: HttpRequest) -> str:
    name = request.POST.get("interpreter", "")
    return f"{name} dies." if server.kill(name) else f"{name} is not there to be killed."


FAULTS: dict[str, tuple[Callable[[HttpRequest], str], str]] = {
    "gil": (_hold, "Hold a GIL"),
    "memory": (_fill, "Fill the memory"),
    "lock": (_lock, "Lock the database"),
}


@action
def fault(request: HttpRequest, name: str) -> str:
    if name == "kill":
        return _kill(request)
    if name not in FAULTS:
        raise Http404(f"There is no fault {name}.")
    return FAULTS[name][0](request)
