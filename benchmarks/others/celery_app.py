"""Celery with Redis. With results it stores what a task returns, also None, as the template's own queue does."""

import os

from celery import Celery

from benchmarks.others.mark import mark

REDIS = os.environ["BENCHMARK_REDIS"]
RESULTS = os.environ["BENCHMARK_RESULTS"] == "1"

app = Celery("benchmark", broker=REDIS, backend=REDIS if RESULTS else None)
app.conf.task_ignore_result = not RESULTS


@app.task
def nothing() -> None:
    pass


@app.task
def note_the_time() -> None:
    mark()


def enqueue(number: int) -> None:
    """So many no-op tasks, between two that note the time."""
    note_the_time.delay()
    for _ in range(number):
        nothing.delay()
    note_the_time.delay()
