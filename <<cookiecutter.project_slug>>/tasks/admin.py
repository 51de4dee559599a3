"""The tasks in Django's admin: look for them, read why they failed, run them again, cancel them. Nothing is edited."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tasks import control
from tasks.models import TaskRecord
from tasks.staff.attempts import attempts_without_success, bill_in_words
from tasks.staff.lists import ORDER, CappedPaginator, QueueFilter, StateFilter, TaskFilter
from tasks.staff.progress import progress_of
from tasks.staff.queues import BatchAdmin, PausedQueueAdmin
from tasks.staff.schedules import ScheduleAdmin
from tasks.staff.waiting import reason_to_wait

__all__ = ["BatchAdmin", "PausedQueueAdmin", "ScheduleAdmin", "TaskRecordAdmin"]

AT_ONCE = 1000  # tasks that an action takes: it is to end before its request times out
EVERYWHERE = [ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM]
LIST = "admin:tasks_taskrecord_changelist"
LARGE = ("arguments", "checkpoint", "return_value", "history", "bill")  # not needed for a list


@admin.register(TaskRecord)
class TaskRecordAdmin(admin.ModelAdmin):
    list_display = ("task", "queue", "status", "how_far", "attempt", "enqueued_at", "finished_at")
    list_filter = (StateFilter, QueueFilter, TaskFilter)
    sortable_by = ()  # by another order than the filters' own the whole table would be sorted
    search_fields = ("id__exact",)
    search_help_text = "The id of a task"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    actions = ("retry", "cancel", "run_now", "discard")
    fieldsets = (
        (
            None,
            {"fields": ("task", ("status", "queue", "priority"), "waits_for", ("id", "backend", "batch"), "origin")},
        ),
        (
            "Attempts",
            {"fields": (("attempt", "deaths", "cancelled"), ("claim", "worker"), "last_bill", "ended_attempts")},
        ),
        ("In and out", {"fields": ("given", "returned", ("how_far", "last_checkpoint"))}),
        ("Times", {"fields": (("enqueued_at", "run_after"), ("started_at", "finished_at"))}),
        ("Conditions", {"fields": ("unique_key", ("limit_key", "limit_number"), "the_chain"), "classes": ["collapse"]}),
    )

    class Media:
        css = {"all": ["admin_tasks.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TaskRecord | None = None) -> bool:
        return False  # pruning does it, and leaves alone what runs

    def has_change_permission(self, request: HttpRequest, obj: TaskRecord | None = None) -> bool:
        return obj is None and super().has_change_permission(request)  # for the actions; the page of a task is read

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ORDER.get(request.GET.get("state", ""), ("-id",))

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaskRecord]:
        found, page = super().get_queryset(request), request.resolver_match
        return found.defer(*LARGE) if page and page.url_name == "tasks_taskrecord_changelist" else found

    @admin.action(description="Run again", permissions=["change"], location=EVERYWHERE)
    def retry(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        self._each(request, queryset, control.retry, "put back into the queue. Only failed tasks can be")

    @admin.action(description="Cancel", permissions=["change"], location=EVERYWHERE)
    def cancel(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        self._each(request, queryset, control.cancel, "cancelled. Only tasks that wait or run can be")

    @admin.action(description="Run now", permissions=["change"], location=EVERYWHERE)
    def run_now(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        self._each(request, queryset, control.run_now, "due now. Only tasks that wait for their time can be")

    @admin.action(description="Discard", permissions=["change"])
    def discard(self, request: HttpRequest, queryset: QuerySet[TaskRecord]) -> None:
        self._each(request, queryset, control.discard, "deleted. Only tasks that have ended can be")

    def _each(
        self, request: HttpRequest, chosen: QuerySet[TaskRecord], act: Callable[[TaskRecord], bool], done: str
    ) -> None:
        records = list(chosen[: AT_ONCE + 1])
        if len(records) > AT_ONCE:
            self.message_user(request, f"Select fewer: {AT_ONCE:,} tasks at once.", messages.ERROR)
            return
        number = sum(act(record) for record in records)
        level = messages.SUCCESS if number == len(records) else messages.WARNING
        self.message_user(request, f"{number:,} of {len(records):,} {done}.", level)

    @admin.display(description="Progress", empty_value="")
    def how_far(self, record: TaskRecord) -> str | None:
        progress = progress_of(record) if record.status == "RUNNING" else None
        return f"{progress['done']:,} of {progress['total']:,}" if progress else None

    @admin.display(description="Waits for", empty_value="-")
    def waits_for(self, record: TaskRecord) -> SafeString | str | None:
        return reason_to_wait(record)

    @admin.display(description="Chain", empty_value="-")
    def the_chain(self, record: TaskRecord) -> SafeString | None:
        if record.chain is None:
            return None
        return format_html('<a href="{}?chain={}">All its tasks</a>', reverse(LIST), record.chain)

    @admin.display(description="Arguments")
    def given(self, record: TaskRecord) -> SafeString | None:
        return _json(record.arguments)

    @admin.display(description="Return value")
    def returned(self, record: TaskRecord) -> SafeString | None:
        return _json(record.return_value)

    @admin.display(description="Checkpoint")
    def last_checkpoint(self, record: TaskRecord) -> SafeString | None:
        return _json(record.checkpoint)

    @admin.display(description="Without success", empty_value="None")
    def ended_attempts(self, record: TaskRecord) -> SafeString | None:
        return mark_safe(attempts_without_success(record)) or None  # noqa: S308  rendered by a template

    @admin.display(description="Cost of the success", empty_value="-")
    def last_bill(self, record: TaskRecord) -> SafeString | None:
        return format_html_join("", "<p>{}</p>", ([line] for line in bill_in_words(record.bill))) or None


def _json(value: Any) -> SafeString | None:
    return None if value is None else format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
