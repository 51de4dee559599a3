"""The recurring tasks in Django's admin: when they run, run now, pause, resume. They are declared in code."""

from django.contrib import admin
from django.utils.safestring import SafeString

from tasks.house import ticks
from tasks.models import Schedule
from tasks.staff.lists import ReadOnlyAdmin, action, link_to_tasks


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ("name", "expression", "last_run", "next_run", "paused", "its_tasks")
    list_filter = ("paused",)
    search_fields = ("name", "task")
    actions = ("run_now", "pause", "resume")

    run_now = action("Run now", ticks.run_now, "to be enqueued now")
    pause = action("Pause", ticks.pause, "paused. The others were before")
    resume = action("Resume", ticks.resume, "resumed. The others were not paused")

    @admin.display(description="Tasks")
    def its_tasks(self, row: Schedule) -> SafeString:
        return link_to_tasks(row.task, task=row.task)
