"""What interpreters of the tests do with a memory queue."""

import time
from typing import Any

from runtime.shared.memory_queue import Letter, MemoryQueue

PATIENCE = 0.2  # seconds without a letter


def letter(*arguments: Any) -> Letter:
    return Letter(bytes(16), "shop.tasks.order", "memory", "default", {"args": list(arguments), "kwargs": {}}, 1.5)


def send(queue: MemoryQueue, start: int, stop: int, padding: int = 0) -> None:
    """Letters with these numbers; where there is no room, it waits for some."""
    for number in range(start, stop):
        while not queue.post(letter(number, "x" * padding)):
            time.sleep(0.001)


def receive(queue: MemoryQueue, number: int) -> list[int]:
    """So many letters, or what comes until none has come for a while."""
    found: list[int] = []
    until = time.monotonic() + PATIENCE
    while len(found) < number and time.monotonic() < until:
        if (place := queue.take()) is None:
            time.sleep(0.001)
            continue
        found.append(queue.read(place).arguments["args"][0])
        queue.clear(place)
        until = time.monotonic() + PATIENCE
    return found
