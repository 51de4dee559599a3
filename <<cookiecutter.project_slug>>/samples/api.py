"""The JSON API: POST a file or a number of rows, get 202 and the address where the task can be followed."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.tasks import TaskResult
from django.urls import reverse

from accounts.access import api_view
from accounts.errors import NotFound
from samples import enqueue
from samples.uploads import refuse_large_bodies


@refuse_large_bodies
@api_view(methods=["POST"])
def images(request: HttpRequest) -> HttpResponse:
    return _accepted(enqueue.enqueue_image(request))


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


def _accepted(result: TaskResult[..., Any]) -> JsonResponse:
    url = reverse("tasks:state", args=[result.id])
    return JsonResponse({"id": result.id, "status": result.status, "url": url}, status=202, headers={"Location": url})
