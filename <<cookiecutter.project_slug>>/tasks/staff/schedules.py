"""The recurring tasks in Django's admin: when they run, run now, pause, resume. They are declared in code."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.contrib.admin import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tasks.house import ticks
from tasks.models import Schedule

EVERYWHERE = [ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM]


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):
    list_display = ("name", "expression", "last_run", "next_run", "paused", "its_tasks")
    list_filter = ("paused",)
    search_fields = ("name", "task")
    actions = ("run_now", "pause", "resume")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        return False  # it goes with its declaration

    def has_change_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        return obj is None and super().has_change_permission(request)  # for the actions

    @admin.action(description="Run now", permissions=["change"], location=EVERYWHERE)
    def run_now(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        self._each(request, queryset, ticks.run_now, "to be enqueued now")

    @admin.action(description="Pause", permissions=["change"], location=EVERYWHERE)
    def pause(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        self._each(request, queryset, ticks.pause, "paused. The others were before")

    @admin.action(description="Resume", permissions=["change"], location=EVERYWHERE)
    def resume(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        self._each(request, queryset, ticks.resume, "resumed. The others were not paused")

    def _each(
        self, request: HttpRequest, chosen: QuerySet[Schedule], act: Callable[[Schedule], bool], done: str
    ) -> None:
        rows = list(chosen)
        number = sum(act(row) for row in rows)
        level = messages.SUCCESS if number == len(rows) else messages.WARNING
        self.message_user(request, f"{number} of {len(rows)} {done}.", level)

    @admin.display(description="Tasks")
    def its_tasks(self, row: Schedule) -> SafeString:
        address = reverse("admin:tasks_taskrecord_changelist", query={"task": row.task})
        return format_html('<a href="{}">{}</a>', address, row.task)
