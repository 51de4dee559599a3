import json
import time

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse, JsonResponse

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


def stuck(request: HttpRequest, way: str, argument: str) -> JsonResponse:
    """One task of benchmarks/site/stuck.py: for so many seconds, or with this port."""
    return JsonResponse({"id": getattr(stuck_tasks, way).enqueue(json.loads(argument)).id})
