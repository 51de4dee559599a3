"""The tasks in Django's admin: look for them, read why they failed, run them again, cancel them. Nothing is edited."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tasks import control
from tasks.models import TaskRecord
from tasks.staff.in_words import attempts_without_success, bill_in_words, progress_of, reason_to_wait
from tasks.staff.lists import (
    ORDER,
    CappedPaginator,
    QueueFilter,
    ReadOnlyAdmin,
    StateFilter,
    TaskFilter,
    action,
    link_to_tasks,
)
from tasks.staff.queues import BatchAdmin, PausedQueueAdmin
from tasks.staff.schedules import ScheduleAdmin

__all__ = ["BatchAdmin", "PausedQueueAdmin", "ScheduleAdmin", "TaskRecordAdmin"]

AT_ONCE = 1000  # tasks that an action takes: it is to end before its request times out
LARGE = ("arguments", "checkpoint", "return_value", "history", "bill")  # not needed for a list


@admin.register(TaskRecord)
class TaskRecordAdmin(ReadOnlyAdmin):
    list_display = ("task", "queue", "status", "how_far", "attempt", "enqueued_at", "finished_at")
    list_filter = (StateFilter, QueueFilter, TaskFilter)
    sortable_by = ()  # by another order than the filters' own the whole table would be sorted
    search_fields = ("id__exact",)
    search_help_text = "The id of a task"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    actions = ("retry", "cancel", "run_now", "discard")
    retry = action("Run again", control.retry, "put back into the queue. Only failed tasks can be")
    cancel = action("Cancel", control.cancel, "cancelled. Only tasks that wait or run can be")
    run_now = action("Run now", control.run_now, "due now. Only tasks that wait for their time can be")
    discard = action("Discard", control.discard, "deleted. Only tasks that have ended can be", on_page=False)
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

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ORDER.get(request.GET.get("state", ""), ("-id",))

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaskRecord]:
        found, page = super().get_queryset(request), request.resolver_match
        return found.defer(*LARGE) if page and page.url_name == "tasks_taskrecord_changelist" else found

    def each(self, request: HttpRequest, chosen: QuerySet[Any], act: Callable[[Any], bool], done: str) -> None:
        chosen = chosen[: AT_ONCE + 1]
        if len(chosen) > AT_ONCE:
            self.message_user(request, f"Select fewer: {AT_ONCE:,} tasks at once.", messages.ERROR)
        else:
            super().each(request, chosen, act, done)

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
        return link_to_tasks("All its tasks", chain=record.chain)

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
