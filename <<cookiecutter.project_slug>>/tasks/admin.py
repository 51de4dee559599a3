from django.contrib import admin

from tasks.models import TaskRecord


@admin.register(TaskRecord)
class TaskRecordAdmin(admin.ModelAdmin):
    list_display = ("task", "queue", "status", "attempt", "enqueued_at", "finished_at")
    list_filter = ("status", "queue", "task")
    search_fields = ("id", "task")
    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        return False
