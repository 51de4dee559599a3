import asyncio
import json
from collections.abc import Iterator
from concurrent import interpreters
from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from runtime.web import loop
from tasks import await_result
from tasks import batch as open_batch
from tasks import chain as open_chain
from tasks import wait as wait_for
from tasks.models import TaskRecord
from tests.site import gates, tasks
from tests.site.version import VERSION


@csrf_exempt
def enqueue(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    options = body["options"]
    if delay := options.pop("delay", None):
        options["run_after"] = timezone.now() + timedelta(seconds=delay)
    task = getattr(tasks, body["task"]).using(**options)
    return JsonResponse({"id": task.enqueue(*body["arguments"]).id})


@csrf_exempt
def batch(request: HttpRequest) -> JsonResponse:
    """Enqueue tasks, [[name, arguments, options], …], as a batch."""
    with open_batch(then=tasks.batch_is_done) as batch:
        for name, arguments, options in json.loads(request.body):
            getattr(tasks, name).using(**options).enqueue(*arguments)
    return JsonResponse({"id": batch.id})


@csrf_exempt
def chain(request: HttpRequest) -> JsonResponse:
    """Enqueue tasks, [name, argument, …] each, as a chain."""
    with open_chain():
        results = [getattr(tasks, name).enqueue(*arguments) for name, *arguments in json.loads(request.body)]
    return JsonResponse({"ids": [result.id for result in results]})


@csrf_exempt
def answer(request: HttpRequest) -> JsonResponse:
    """Enqueue a task and wait for it."""
    body = json.loads(request.body)
    try:
        result = wait_for(getattr(tasks, body["task"]).enqueue(*body["arguments"]), body["seconds"])
    except TimeoutError as error:
        return JsonResponse({"late": str(error)})
    return JsonResponse({"status": result.status, "result": result.return_value})


@csrf_exempt
async def answers(request: HttpRequest) -> JsonResponse:
    """Wait for several tasks at once."""
    enqueued = [await tasks.add.aenqueue(number, 1) for number in range(5)]
    results = await asyncio.gather(*(await_result(each, 60) for each in enqueued))
    return JsonResponse({"results": [result.return_value for result in results]})


@csrf_exempt
def transaction_of(request: HttpRequest, end: str) -> JsonResponse:
    """Enqueue in a transaction; whether the row is there afterwards."""
    with transaction.atomic():
        task = tasks.add.enqueue(1, 2)
        transaction.set_rollback(end == "rollback")
    return JsonResponse({"id": task.id, "rows": TaskRecord.objects.filter(pk=task.id).count()})


def interpreter(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"interpreter": interpreters.get_current().id})


def version(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"version": VERSION, "interpreter": interpreters.get_current().id})


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


def hang(request: HttpRequest) -> JsonResponse:
    """Let the threads of this interpreter stand still with their next requests, before these reach Django."""
    loop.Exchange = tasks.stand_still  # type: ignore[misc,assignment]
    return interpreter(request)


def leave(request: HttpRequest) -> HttpResponse:
    """End the loop of the web thread, and so its interpreter."""
    raise SystemExit("as asked")
