"""Huey with Redis. With results it stores what a task returns, also None, as the template's own queue does."""

import os
import time
from pathlib import Path

from huey import RedisHuey

from benchmarks.others.mark import mark

RESULTS = os.environ["BENCHMARK_RESULTS"] == "1"

huey = RedisHuey("benchmark", url=os.environ["BENCHMARK_REDIS"], results=RESULTS, store_none=RESULTS)


@huey.task()
def nothing() -> None:
    pass


@huey.task()
def note_the_time() -> None:
    mark()


@huey.task()
def first_line(enqueued: int) -> None:
    milliseconds = (time.time_ns() - enqueued) / 1e6
    with Path(os.environ["BENCHMARK_MARKS"], "milliseconds").open("a") as file:
        file.write(f"{milliseconds}\n")


def enqueue_slowly(number: int, pause: float) -> None:
    """So many tasks that measure their own way to a worker, `pause` seconds apart."""
    for _ in range(number):
        first_line(time.time_ns())
        time.sleep(pause)


def enqueue(number: int) -> None:
    """So many no-op tasks, between two that note the time."""
    note_the_time()
    for _ in range(number):
        nothing()
    note_the_time()
