"""The tasks that a visitor has started, newest first. Their ids are kept in the session, so a login is not needed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest

from samples.text import storable
from tasks.json_views import as_json
from tasks.models import TaskRecord

KEPT = 20
SESSION_KEY = "tasks"  # [[id, title], …]
TITLE_LENGTH = 100  # characters
STATUS_TEXTS = {"READY": "Waiting", "RUNNING": "Running", "SUCCESSFUL": "Done", "FAILED": "Failed"}


@dataclass
class RecentTask:
    title: str  # the name of the uploaded file, or what was asked for
    record: TaskRecord

    @property
    def id(self) -> UUID:
        return self.record.pk

    @property
    def kind(self) -> str:
        """resize_image, parse_document or export_orders: the template has a part for each."""
        return self.record.task.rpartition(".")[2]

    @property
    def finished(self) -> bool:
        return self.record.finished_at is not None

    @property
    def state(self) -> dict[str, Any]:
        return as_json(self.record)

    @property
    def thumbnail(self) -> dict[str, Any] | None:
        """The small variant of a resized image."""
        variants = (self.record.return_value or {}).get("variants", [])
        return next((variant for variant in variants if variant["name"] == "small"), None)

    @property
    def status_text(self) -> str:
        return STATUS_TEXTS[self.record.status]


def remember(request: HttpRequest, task_id: str, title: str) -> None:
    request.session[SESSION_KEY] = [[task_id, storable(title, TITLE_LENGTH)], *_remembered(request)][:KEPT]


def recent_tasks(request: HttpRequest) -> list[RecentTask]:
    """One query, none where the visitor has no tasks. Tasks that have been pruned since are left out."""
    remembered = _remembered(request)
    records = TaskRecord.objects.in_bulk([UUID(task_id) for task_id, _ in remembered])
    found = ((title, records.get(UUID(task_id))) for task_id, title in remembered)
    return [RecentTask(title, record) for title, record in found if record]


def recent_task(request: HttpRequest, task_id: UUID) -> RecentTask:
    """Raises Http404 where the task is not one of this visitor's."""
    for task in recent_tasks(request):
        if task.id == task_id:
            return task
    raise Http404


def _remembered(request: HttpRequest) -> list[list[str]]:
    remembered: list[list[str]] = request.session.get(SESSION_KEY, [])
    return remembered
