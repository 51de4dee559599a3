"""The JSON API: POST a file or a number of rows, get 202 and the address where the task can be followed.

A preview is made in moments, so its request waits for it and gets 200 and the preview.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.tasks import TaskResult, TaskResultStatus
from django.urls import reverse

from accounts.access import api_view
from accounts.errors import ApiError, BadRequest, NotFound, ServiceUnavailable
from samples import enqueue
from samples.errors import SampleError
from samples.uploads import refuse_large_bodies
from tasks import wait
from tasks.models import TaskRecord

LONGEST_WAIT = 5.0  # seconds for a preview; a web thread serves nobody else meanwhile


@refuse_large_bodies
@api_view(methods=["POST"])
def images(request: HttpRequest) -> HttpResponse:
    return _accepted(enqueue.enqueue_image(request))


@refuse_large_bodies
@api_view(methods=["POST"])
def previews(request: HttpRequest) -> HttpResponse:
    result = enqueue.enqueue_preview(request)
    try:
        wait(result, LONGEST_WAIT)
    except TimeoutError:
        return _accepted(result)  # the workers are busy: the client asks again, as for everything else
    if result.status == TaskResultStatus.SUCCESSFUL:
        return JsonResponse(result.return_value)
    raise _why_it_failed(result)


@refuse_large_bodies
@api_view(methods=["POST"])
def documents(request: HttpRequest) -> HttpResponse:
    return _accepted(enqueue.enqueue_document(request))


@refuse_large_bodies
@api_view(methods=["POST"])
def exports(request: HttpRequest) -> HttpResponse:
    return _accepted(enqueue.enqueue_export(request))


@api_view(methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def not_found(request: HttpRequest) -> HttpResponse:
    raise NotFound(f"There is nothing at {request.path}. All addresses end with a slash.")


def _why_it_failed(result: TaskResult[..., Any]) -> ApiError:
    last = TaskRecord.objects.get(pk=result.id).history[-1]
    if issubclass(result.errors[-1].exception_class, SampleError):
        return BadRequest(last["message"])
    return ServiceUnavailable("The preview could not be made. Try again in a few seconds.")


def _accepted(result: TaskResult[..., Any]) -> JsonResponse:
    url = reverse("tasks:state", args=[result.id])
    return JsonResponse({"id": result.id, "status": result.status, "url": url}, status=202, headers={"Location": url})
