"""The admin's list of a table that may hold a million tasks: filters, orders and counts that an index answers."""

from collections.abc import Iterator
from functools import cached_property
from typing import cast

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from tasks import queues
from tasks.models import TaskRecord

MOST = 10_000  # tasks that a list counts and leads to; older ones are found through filters and by their id

STATES = {
    "ready": Q(status="READY", waits_until=None),
    "waiting": Q(status="READY", waits_until__isnull=False),
    "running": Q(status="RUNNING"),
    "failed": Q(status="FAILED", finished_at__isnull=False),
    "successful": Q(status="SUCCESSFUL", finished_at__isnull=False),
}
ORDER: dict[str, tuple[str, ...]] = {  # of the index that finds the state
    "ready": ("queue", "-priority", "id"),  # which is next in each queue
    "waiting": ("waits_until",),
    "running": ("queue", "-id"),
    "failed": ("-finished_at",),
    "successful": ("-finished_at",),
}


class StateFilter(SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> QuerySet[TaskRecord]:
        return queryset.filter(STATES.get(self.value() or "", Q()))


class _NameFilter(SimpleListFilter):
    """Rows with one value of a column that an index begins with."""

    parameter_name: str  # the column

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        return [(name, name) for name in self._names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> QuerySet[TaskRecord]:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset

    def _names(self) -> Iterator[str]:
        """Every value in the table: a look for each. DISTINCT would read all rows."""
        names = TaskRecord.objects.order_by(self.parameter_name).values_list(self.parameter_name, flat=True)
        name = names.first()
        while name is not None:
            yield name
            name = names.filter(**{f"{self.parameter_name}__gt": name}).first()


class QueueFilter(_NameFilter):
    title = parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        paused = queues.paused()
        return [(name, f"{name} (paused)" if name in paused else name) for name in self._names()]


class TaskFilter(_NameFilter):
    title = parameter_name = "task"


class CappedPaginator(Paginator):
    """Counts no further than to MOST: an exact number would cost a look at every row that a filter leaves."""

    @cached_property
    def count(self) -> int:
        return min(self._found, MOST)

    @property
    def has_more(self) -> bool:
        return self._found > MOST

    @cached_property
    def _found(self) -> int:
        listed = cast(QuerySet[TaskRecord], self.object_list)
        return listed.order_by()[: MOST + 1].count()
