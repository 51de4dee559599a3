"""The tasks that came out of one request, a batch or a chain, on one time line: waiting, and each attempt."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.table.queue import RUNNING

MOST = 50  # tasks on it
THINNEST = 0.4  # per cent: what is shorter is seen all the same
LOOKED_THROUGH = 5000  # tasks after the request began: there is no index of requests, ids are in the order of time


@dataclass
class Bar:
    """Times as shares of the line, in per cent."""

    kind: str  # waiting, running, successful, failed, …
    start: float
    width: float
    text: str


@dataclass
class Row:
    task: TaskRecord
    bars: list[Bar]


@dataclass
class TimeLine:
    title: str
    start: datetime
    seconds: float
    rows: list[Row]


def time_line_of(record: TaskRecord) -> TimeLine:
    """Of the request that has enqueued a task; else of its batch or chain, or of itself alone."""
    tasks = list(_company(record).order_by("pk")[:MOST]) or [record]
    start = _began(record) or tasks[0].enqueued_at
    end = max(_end(task) for task in tasks)
    seconds = max((end - start).total_seconds(), 0.001)

    def bar(kind: str, since: datetime, until: datetime) -> Bar:
        length = (until - since).total_seconds()
        width = max(100 * length / seconds, THINNEST)
        at = min(100 * (since - start).total_seconds() / seconds, 100 - width)
        return Bar(kind, at, width, f"{kind} {length:,.3f} s")

    rows = [Row(task, [bar(*span) for span in _spans(task)]) for task in tasks]
    return TimeLine(_title(record), start, seconds, rows)


def _company(record: TaskRecord) -> QuerySet[TaskRecord]:
    if began := _began(record):
        after = TaskRecord.objects.filter(pk__gte=_first_id(began)).order_by("pk")
        return TaskRecord.objects.filter(pk__in=after.values("pk")[:LOOKED_THROUGH], origin=record.origin)
    if record.batch:
        return TaskRecord.objects.filter(batch=record.batch)
    return TaskRecord.objects.filter(chain=record.chain) if record.chain else TaskRecord.objects.filter(pk=record.pk)


def _title(record: TaskRecord) -> str:
    if record.origin:
        return record.origin.partition(" ")[2]
    return "Its batch" if record.batch else "Its chain" if record.chain else "This task"


def _began(record: TaskRecord) -> datetime | None:
    """When the request began."""
    return datetime.fromtimestamp(int(record.origin.partition(" ")[0]) / 1e9, UTC) if record.origin else None


def _first_id(moment: datetime) -> uuid.UUID:
    """No task that was enqueued later has a smaller id; half a second is for clocks that were set."""
    milliseconds = int((moment - timedelta(seconds=0.5)).timestamp() * 1000)
    return uuid.UUID(int=milliseconds * 2**80)


def _end(task: TaskRecord) -> datetime:
    return task.finished_at or timezone.now()


def _spans(task: TaskRecord) -> Iterator[tuple[str, datetime, datetime]]:
    """What it did, one after the other: waiting or an attempt, from when, until when."""
    at = task.enqueued_at
    for start, end, kind in _attempts(task):
        if start > at:
            yield "waiting", at, start
        yield kind, max(start, at), end
        at = end
    if not task.finished_at and task.status != RUNNING:
        yield "waiting", at, timezone.now()


def _attempts(task: TaskRecord) -> Iterator[tuple[datetime, datetime, str]]:
    for end in task.history:
        if end.get("started_at"):
            yield _read(end, "started_at"), _read(end, "ended_at"), end["outcome"]
    if task.status in ("RUNNING", "SUCCESSFUL") and task.last_attempted_at:
        yield task.last_attempted_at, _end(task), task.status.lower()


def _read(end: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(end[name])
