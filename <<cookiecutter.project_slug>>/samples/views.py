"""The page: a place for files, an export, and the visitor's recent tasks.

It works without JavaScript. static/samples.js adds comfort: it asks for this same page and takes over what is new.
"""

from functools import wraps
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.access import View, page_login_required
from accounts.errors import ApiError, BadRequest, refusal
from samples.enqueue import enqueue_export, enqueue_file
from samples.limits import limits
from samples.recent import recent_task, recent_tasks, remember
from tasks import control
from tasks.live import live_url


@require_safe
@never_cache
@page_login_required
def index(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, *refusals: str, status: int = 200) -> HttpResponse:
    tasks = recent_tasks(request)
    unfinished = ",".join(str(task.id) for task in tasks if not task.finished)
    live = live_url("tasks", unfinished) if unfinished else ""
    context = {"tasks": tasks, "live": live, "limits": limits(), "refusals": refusals}
    return render(request, "samples/index.html", context, status=status)


def _form(view: View) -> View:
    """What is refused is told on the page."""

    @require_POST
    @page_login_required
    @wraps(view)
    def submit(request: HttpRequest) -> HttpResponseBase:
        try:
            return view(request)
        except Exception as error:
            if answer := refusal(error):
                return _page(request, str(answer), status=answer.status)
            raise

    return submit


@_form
def files(request: HttpRequest) -> HttpResponse:
    """Images and documents, several at once. What is not taken is named, and does not keep back the others."""
    refusals: dict[str, ApiError] = {}
    for upload in _uploads(request):
        name = upload.name or "Unnamed file"
        try:
            remember(request, enqueue_file(upload).id, name)
        except ApiError as error:
            refusals[f"{name}: {error}"] = error
    if refusals:
        return _page(request, *refusals, status=next(iter(refusals.values())).status)
    return redirect("samples:index")


def _uploads(request: HttpRequest) -> list[UploadedFile[bytes]]:
    uploads = [upload for upload in request.FILES.getlist("file") if isinstance(upload, UploadedFile)]
    if not uploads:
        raise BadRequest("There is no file. Choose one, or several.")
    return uploads


@_form
def exports(request: HttpRequest) -> HttpResponse:
    result = enqueue_export(request)
    rows = int(request.POST["rows"])
    remember(request, result.id, f"{rows:,} order{'' if rows == 1 else 's'}")
    return redirect("samples:index")


@require_POST
@page_login_required
def retry(request: HttpRequest, task_id: UUID) -> HttpResponse:
    control.retry(recent_task(request, task_id).record)
    return redirect("samples:index")
