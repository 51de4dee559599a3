import json
import time

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse, JsonResponse
from tasks import wait

from benchmarks.site import stuck as stuck_tasks
from benchmarks.site import tasks

first_line = tasks.first_line.using(queue_name=settings.BENCHMARK_ENQUEUE_TO)


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def query(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ContentType.objects.values_list("model", flat=True)[0])


def python(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(sum(range(20_000))))


def enqueue(request: HttpRequest) -> JsonResponse:
    """One task that measures its own way to a worker."""
    return JsonResponse({"id": first_line.enqueue(time.time_ns()).id})


def result(request: HttpRequest, task_id: str) -> JsonResponse:
    """Milliseconds that it took."""
    return JsonResponse({"result": tasks.first_line.get_result(task_id).return_value})


def wait_for(request: HttpRequest, milliseconds: int) -> JsonResponse:
    """Wait for a task that works so long: milliseconds from its last line to here, and from here to here beyond it."""
    started = time.time_ns()
    result = wait(tasks.last_line.using(queue_name="critical").enqueue(milliseconds / 1000), 30)
    now = time.time_ns()
    return JsonResponse({"after": (now - result.return_value) / 1e6, "over": (now - started) / 1e6 - milliseconds})


def stuck(request: HttpRequest, way: str, argument: str) -> JsonResponse:
    """One task of benchmarks/site/stuck.py: for so many seconds, or with this port."""
    return JsonResponse({"id": getattr(stuck_tasks, way).enqueue(json.loads(argument)).id})
