"""The tasks of benchmarks/nodes.py: ten that recur each second, a unique one, and some with limits."""

import json
import sys
import threading
import time
from pathlib import Path

from django.tasks import task
from tasks import schedule

SCHEDULES = 10
QUEUES = ("default", "critical", "exports")
BURST = 20  # limited tasks of one key at a time: more than may run
ENQUEUERS = 4  # threads that enqueue the same unique keys


def declare(name: str) -> None:
    """A task of its own for each schedule, so that its rows are its ticks."""

    def function() -> None: ...

    function.__name__ = function.__qualname__ = name
    setattr(sys.modules[__name__], name, schedule.every("1s", name=name)(task(function)))


for number in range(SCHEDULES):
    declare(f"tick_{number}")


@task(unique=lambda key: key)
def once(key: str) -> None:
    time.sleep(0.05)


@task(limit=("at most 1", 1))
def hold_1(seconds: float) -> None:
    time.sleep(seconds)


@task(limit=("at most 2", 2))
def hold_2(seconds: float) -> None:
    time.sleep(seconds)


@task(limit=("at most 3", 3))
def hold_3(seconds: float) -> None:
    time.sleep(seconds)


@task(limit=("at most 5", 5))
def hold_5(seconds: float) -> None:
    time.sleep(seconds)


HELD = (hold_1, hold_2, hold_3, hold_5)


def enqueue_all(number: int, seconds: float, path: str) -> None:
    """Each unique key from four threads at once, and the limited tasks, spread over the time.

    Writes the ids that it was given: of each unique key, and of the limited tasks.
    """
    unique: dict[str, set[str]] = {f"key {each}": set() for each in range(number)}

    def enqueue_unique() -> None:
        for key, ids in unique.items():
            ids.add(once.enqueue(key).id)
            time.sleep(seconds / number)

    threads = [threading.Thread(target=enqueue_unique) for _ in range(ENQUEUERS)]
    for thread in threads:
        thread.start()
    limited = []
    for each in range(number):
        held = HELD[each // BURST % len(HELD)].using(queue_name=QUEUES[each % len(QUEUES)])
        limited.append(held.enqueue(0.02 + each % 9 / 40).id)
        if each % BURST == BURST - 1:
            time.sleep(seconds / number * BURST)
    for thread in threads:
        thread.join()
    Path(path).write_text(json.dumps({"unique": {key: list(ids) for key, ids in unique.items()}, "limited": limited}))
