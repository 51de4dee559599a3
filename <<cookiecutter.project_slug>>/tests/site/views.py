import json
from collections.abc import Iterator
from concurrent import interpreters
from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from tasks.models import TaskRecord
from tests.site import gates, tasks


@csrf_exempt
def enqueue(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    options = body["options"]
    if delay := options.pop("delay", None):
        options["run_after"] = timezone.now() + timedelta(seconds=delay)
    task = getattr(tasks, body["task"]).using(**options)
    return JsonResponse({"id": task.enqueue(*body["arguments"]).id})


@csrf_exempt
def transaction_of(request: HttpRequest, end: str) -> JsonResponse:
    """Enqueue in a transaction; whether the row is there afterwards."""
    with transaction.atomic():
        task = tasks.add.enqueue(1, 2)
        transaction.set_rollback(end == "rollback")
    return JsonResponse({"id": task.id, "rows": TaskRecord.objects.filter(pk=task.id).count()})


def interpreter(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"interpreter": interpreters.get_current().id})


def wait(request: HttpRequest, gate: str) -> HttpResponse:
    gates.arrive_and_wait(f"/{gate}")
    return HttpResponse("through")


@csrf_exempt
def echo(request: HttpRequest, rest: str = "") -> JsonResponse:
    content = request.read()
    return JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "query": request.META["QUERY_STRING"],
            "headers": dict(request.headers),
            "length": len(content),
            "sum": sum(content),
        }
    )


def cookies(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse("cookies")
    answer.set_cookie("one", "1")
    answer.set_cookie("two", "2")
    return answer


def stream(request: HttpRequest, parts: int) -> StreamingHttpResponse:
    def numbers() -> Iterator[str]:
        for number in range(parts):
            yield f"{number}\n" * 1000

    return StreamingHttpResponse(numbers(), content_type="text/plain")


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("as asked")


def endless(request: HttpRequest) -> HttpResponse:
    while True:
        pass


def eat(request: HttpRequest) -> HttpResponse:
    eaten = []
    while True:
        eaten.append({"number": len(eaten)})


def leave(request: HttpRequest) -> HttpResponse:
    """End the loop of the web thread, and so its interpreter."""
    raise SystemExit("as asked")
