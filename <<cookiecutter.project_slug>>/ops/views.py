"""The page, the page of a task, and what ops.js asks for."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render

from ops import server, tables
from ops.access import page
from ops.time_line import time_line_of
from tasks.live import live_url
from tasks.models import TaskRecord
from tasks.staff.in_words import attempts_without_success, bill_in_words, progress_of, reason_to_wait
from tasks.staff.lists import STATES


@page
def index(request: HttpRequest) -> HttpResponse:
    context = {
        "overview": server.overview(),
        "feed": live_url("ops"),
        "dearest": tables.dearest_today(),
        "faults": _faults(),
    }
    return render(request, "ops/index.html", context | _list(request))


@page
def tasks(request: HttpRequest) -> HttpResponse:
    """The list of tasks alone."""
    return render(request, "ops/tasks.html", _list(request))


def _list(request: HttpRequest) -> dict[str, Any]:
    state = request.GET.get("state", "failed")
    if state not in STATES:
        raise Http404(f"There is no state {state}.")
    return {"states": STATES, "state": state, "tasks": tables.tasks_in(state)}


@page
def task(request: HttpRequest, task_id: UUID) -> HttpResponse:
    record = get_object_or_404(TaskRecord, pk=task_id)
    context = {
        "task": record,
        "waits_for": reason_to_wait(record),
        "progress": progress_of(record),
        "bill": bill_in_words(record.bill),
        "attempts": attempts_without_success(record),
        "time_line": time_line_of(record),
        "profile": live_url("profile", record.pk.hex),
    }
    return render(request, "ops/task.html", context)


@page
def stack(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Where a running task is, and what it waits for."""
    text = server.stack(task_id.hex) or "No server that can be asked from here runs this task."
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@page
def history(request: HttpRequest) -> HttpResponse:
    """The last hour, for the charts."""
    return HttpResponse(server.history(), content_type="application/json")


@page
def names(request: HttpRequest) -> JsonResponse:
    """Which tasks these are, by id: main knows no more of them."""
    try:
        return JsonResponse(tables.names_of([UUID(text) for text in request.GET.getlist("id")]))
    except ValueError as error:
        raise Http404("That is no id of a task.") from error


def _faults() -> dict[str, str]:
    """What one may break here, in development."""
    if not settings.DEBUG:
        return {}
    from ops.faults import FAULTS

    return {name: text for name, (_, text) in FAULTS.items()}
