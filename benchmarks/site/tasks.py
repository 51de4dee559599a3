import time

from django.tasks import task

from benchmarks.site.models import Effect


@task
def nothing() -> None:
    """The work that shows what the engine itself costs."""


@task
def first_line(enqueued: int) -> float:
    """Milliseconds from before enqueue() to here."""
    return (time.time_ns() - enqueued) / 1e6


@task(queue_name="critical")
def note_first_line(file: str, enqueued: int) -> None:
    """As `first_line`, into a file."""
    milliseconds = (time.time_ns() - enqueued) / 1e6
    with open(file, "a") as lines:
        lines.write(f"{milliseconds}\n")


@task(queue_name="critical")
def note_time(file: str) -> None:
    with open(file, "a") as lines:
        lines.write(f"{time.monotonic()}\n")


@task
def last_line(seconds: float) -> int:
    """Work for some time; the clock's nanoseconds at its end."""
    time.sleep(seconds)
    return time.time_ns()


@task
def endless(seconds: float) -> int:
    """Pure Python without pause."""
    end, turns = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        turns += 1
    return turns


@task
def wait(seconds: float) -> None:
    time.sleep(seconds)


@task
def effect(number: int) -> None:
    """An effect that is right however often it is tried; every tenth task fails after it."""
    Effect.objects.get_or_create(number=number)
    time.sleep(0.02)
    if number % 10 == 0:
        raise ValueError("as planned")
