"""Paused queues and batches in Django's admin. To add a paused queue is to pause it, to delete one is to resume it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from tasks import queues
from tasks.models import BatchRecord, PausedQueue
from tasks.staff.lists import ReadOnlyAdmin, link_to_tasks


@admin.register(PausedQueue)
class PausedQueueAdmin(admin.ModelAdmin):
    list_display = ("name", "paused_at", "its_tasks")

    def has_change_permission(self, request: HttpRequest, obj: PausedQueue | None = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "name":
            return forms.ChoiceField(label="Queue", choices=[(name, name) for name in queues.names()])
        return super().formfield_for_dbfield(db_field, request, **options)

    def get_fields(self, request: HttpRequest, obj: PausedQueue | None = None) -> tuple[str, ...]:
        return ("name",) if obj is None else ("name", "paused_at")

    def save_model(self, request: HttpRequest, obj: PausedQueue, form: Any, change: bool) -> None:
        queues.pause(obj.name)

    def delete_model(self, request: HttpRequest, obj: PausedQueue) -> None:
        queues.resume(obj.name)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PausedQueue]) -> None:
        for row in queryset:
            queues.resume(row.name)

    @admin.display(description="Tasks")
    def its_tasks(self, row: PausedQueue) -> SafeString:
        return link_to_tasks(queue=row.name)


@admin.register(BatchRecord)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("id", "callback_task", "total", "successful", "failed", "created_at", "finished_at", "its_tasks")
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: BatchRecord | None = None) -> bool:
        return False  # it has no actions

    @admin.display(description="Callback")
    def callback_task(self, row: BatchRecord) -> str:
        return str(row.callback["task"])

    @admin.display(description="Tasks")
    def its_tasks(self, row: BatchRecord) -> SafeString:
        return link_to_tasks(batch=row.pk)
