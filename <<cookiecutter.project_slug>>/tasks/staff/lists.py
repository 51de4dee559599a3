"""What the admin's lists have in common; and of the one that may hold a million tasks what an index answers."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin import ActionLocation, ModelAdmin, SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

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


class ReadOnlyAdmin(ModelAdmin):
    """Rows that code makes and deletes; the permission to change them is for the actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def each(self, request: HttpRequest, chosen: QuerySet[Any], act: Callable[[Any], bool], done: str) -> None:
        """Do it to each row, and say of how many it was true."""
        rows = list(chosen)
        number = sum(act(row) for row in rows)
        level = messages.SUCCESS if number == len(rows) else messages.WARNING
        self.message_user(request, f"{number:,} of {len(rows):,} {done}.", level)


def action(text: str, act: Callable[[Any], bool], done: str, *, on_page: bool = True) -> Callable[..., None]:
    """An action of a ReadOnlyAdmin: on its list, and on the page of a row."""
    location = [ActionLocation.CHANGE_LIST, *([ActionLocation.CHANGE_FORM] if on_page else [])]

    @admin.action(description=text, permissions=["change"], location=location)
    def run(self: ReadOnlyAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.each(request, queryset, act, done)

    return run


def link_to_tasks(text: str = "Tasks", **query: Any) -> SafeString:
    """To those whose columns have these values."""
    return format_html('<a href="{}">{}</a>', reverse("admin:tasks_taskrecord_changelist", query=query), text)


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

    has_more = False  # than it has counted

    @cached_property
    def count(self) -> int:
        found = cast(QuerySet[TaskRecord], self.object_list).order_by()[: MOST + 1].count()
        self.has_more = found > MOST
        return min(found, MOST)
