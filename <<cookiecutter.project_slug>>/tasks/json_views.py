"""The JSON API over any task of the project: its state, cancel, retry."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse

from accounts.access import api_view
from tasks import control
from tasks.models import TaskRecord
from tasks.staff.in_words import progress_of


@api_view(methods=["GET"])
def state(request: HttpRequest, task_id: uuid.UUID) -> JsonResponse:
    return JsonResponse(as_json(_find(task_id)))


@api_view(methods=["POST"])
def cancel(request: HttpRequest, task_id: uuid.UUID) -> JsonResponse:
    """End a task that waits; ask one that runs to end."""
    control.cancel(_find(task_id))
    return JsonResponse(as_json(_find(task_id)))


@api_view(methods=["POST"])
def retry(request: HttpRequest, task_id: uuid.UUID) -> JsonResponse:
    """Run a failed task once more."""
    control.retry(_find(task_id))
    return JsonResponse(as_json(_find(task_id)))


def _find(task_id: uuid.UUID) -> TaskRecord:
    try:
        return TaskRecord.objects.get(pk=task_id)
    except TaskRecord.DoesNotExist:
        raise Http404(f"There is no task {task_id}.") from None


def as_json(record: TaskRecord) -> dict[str, Any]:
    """The state of a task as the API shows it."""
    return {
        "id": str(record.pk),
        "task": record.task,
        "queue": record.queue,
        "status": record.status,
        "attempts": record.attempt,
        "progress": progress_of(record),
        "result": record.return_value,
        "error": _error(record),
        "enqueued_at": record.enqueued_at,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
    }


def _error(record: TaskRecord) -> dict[str, str] | None:
    """The last error of a task that has failed, or is to be tried again after one."""
    if not record.history or record.status == "SUCCESSFUL":
        return None
    last = record.history[-1]
    return {"type": last["type"], "message": last["message"]}
