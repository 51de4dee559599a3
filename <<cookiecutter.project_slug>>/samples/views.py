"""The page: three forms and the visitor's recent tasks. It works without JavaScript; static/samples.js adds comfort."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.tasks import TaskResult
from django.views.decorators.http import require_POST, require_safe

from accounts.access import View, page_login_required
from accounts.errors import refusal
from samples.enqueue import enqueue_document, enqueue_export, enqueue_image
from samples.limits import limits
from samples.recent import recent_task, recent_tasks, remember
from tasks import control


@require_safe
@page_login_required
def index(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    tasks = recent_tasks(request)
    unfinished = any(not task.finished for task in tasks)
    context = {"tasks": tasks, "unfinished": unfinished, "limits": limits(), "error": error}
    return render(request, "samples/index.html", context, status=status)


def _form_view(enqueue: Callable[[HttpRequest], TaskResult[..., Any]], title: Callable[[HttpRequest], str]) -> View:
    """A view that takes one of the page's forms and goes back to the page, with the new task or the reason why not."""

    @require_POST
    @page_login_required
    def submit(request: HttpRequest) -> HttpResponse:
        try:
            result = enqueue(request)
        except Exception as error:
            if answer := refusal(error):
                return _page(request, str(answer), answer.status)
            raise
        remember(request, result.id, title(request))
        return redirect("samples:index")

    return submit


def _file_name(request: HttpRequest) -> str:
    return getattr(request.FILES["file"], "name", "") or "Unnamed file"


def _rows(request: HttpRequest) -> str:
    rows = int(request.POST["rows"])
    return f"{rows:,} order{'' if rows == 1 else 's'}"


images = _form_view(enqueue_image, _file_name)
documents = _form_view(enqueue_document, _file_name)
exports = _form_view(enqueue_export, _rows)


@require_POST
@page_login_required
def retry(request: HttpRequest, task_id: UUID) -> HttpResponse:
    control.retry(recent_task(request, task_id).record)
    return redirect("samples:index")
