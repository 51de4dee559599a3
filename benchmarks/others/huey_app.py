"""Huey with Redis. With results it stores what a task returns, also None, as the template's own queue does."""

import os

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


def enqueue(number: int) -> None:
    """So many no-op tasks, between two that note the time."""
    note_the_time()
    for _ in range(number):
        nothing()
    note_the_time()
