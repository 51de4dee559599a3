import time

from django.tasks import task


@task
def nothing() -> None:
    """The work that shows what the engine itself costs."""


@task
def first_line(enqueued: int) -> float:
    """Milliseconds from before enqueue() to here."""
    return (time.time_ns() - enqueued) / 1e6


@task
def endless(seconds: float) -> int:
    """Pure Python without pause."""
    end, turns = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        turns += 1
    return turns
