"""What the page shows from the database, each with a bound: lists that an index answers, and sums of bills."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, FloatField, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone

from tasks.models import TaskRecord
from tasks.staff.lists import ORDER, STATES

SHOWN = 25  # tasks in a list
MOST_BILLS = 10_000  # of today's, the latest, that are summed up
DEAREST = 10  # tasks
MOST_NAMES = 50


def tasks_in(state: str) -> list[TaskRecord]:
    """The first of a state (tasks/staff/lists.py); of the finished ones the latest."""
    found = TaskRecord.objects.filter(STATES[state]).order_by(*ORDER[state])
    return list(found.defer("arguments", "checkpoint", "return_value")[:SHOWN])


def names_of(ids: list[UUID]) -> dict[str, str]:
    """The paths of tasks, by id."""
    return {pk.hex: task for pk, task in TaskRecord.objects.filter(pk__in=ids[:MOST_NAMES]).values_list("pk", "task")}


def dearest_today() -> dict[str, Any]:
    """Which tasks cost most since midnight: {"since", "is_cut", "tasks": [{"task", "number", "cpu", …}, …]}."""
    ended = TaskRecord.objects.filter(status="SUCCESSFUL", finished_at__isnull=False)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    since = _cut(ended) or midnight
    rows = ended.filter(finished_at__gte=max(since, midnight)).order_by()
    sums = {name: Sum(_figure(name)) for name in ("cpu", "waiting", "queries", "sql_seconds", "memory")}
    tasks = list(rows.values("task").annotate(number=Count("pk"), **sums).order_by(F("cpu").desc(nulls_last=True)))
    return {"since": max(since, midnight), "is_cut": since > midnight, "tasks": tasks[:DEAREST]}


def _cut(ended: QuerySet[TaskRecord]) -> datetime | None:
    """When the oldest of the latest MOST_BILLS tasks ended; None where there are fewer."""
    latest = ended.order_by("-finished_at").values_list("finished_at", flat=True)
    return next(iter(latest[MOST_BILLS : MOST_BILLS + 1]), None)


def _figure(name: str) -> Cast:
    return Cast(KT(f"bill__{name}"), FloatField())
