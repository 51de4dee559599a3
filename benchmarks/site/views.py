import json
import time

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from tasks import wait

from benchmarks.site import stuck as stuck_tasks
from benchmarks.site import tasks

PAGE = b"<p>0123456789</p>\n" * 5556
first_line = tasks.first_line.using(queue_name=settings.BENCHMARK_ENQUEUE_TO)


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def query(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ContentType.objects.values_list("model", flat=True)[0])


def python(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(sum(range(20_000))))


def compute(request: HttpRequest, additions: int) -> HttpResponse:
    """So many turns of a loop."""
    total = 0
    for number in range(additions):
        total += number
    return HttpResponse(str(total))


def page(request: HttpRequest) -> HttpResponse:
    """100 kB."""
    return HttpResponse(PAGE)


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """A form with a file; how long it is."""
    return HttpResponse(str(request.FILES["file"].size))


@csrf_exempt
def discard(request: HttpRequest) -> HttpResponse:
    """Read a body of any length and keep nothing of it; how long it was."""
    length = 0
    while part := request.read(64 * 1024):
        length += len(part)
    return HttpResponse(str(length))


def busy(request: HttpRequest, number: int, seconds: int) -> HttpResponse:
    """So many tasks of pure Python without pause."""
    for _ in range(number):
        tasks.endless.enqueue(seconds)
    return HttpResponse()


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


def soon(request: HttpRequest, backend: str) -> HttpResponse:
    """One task that writes into a file how long it took to its first line."""
    tasks.note_first_line.using(backend=backend).enqueue(request.GET["file"], time.time_ns())
    return HttpResponse()


def many(request: HttpRequest, backend: str) -> JsonResponse:
    """Keep the worker busy; behind that, no-op tasks between two that write the time. What enqueue() took of each."""
    nothing, mark = (task.using(backend=backend, queue_name="critical") for task in (tasks.nothing, tasks.note_time))
    tasks.wait.using(queue_name="critical").enqueue(int(request.GET["hold"]))
    number = int(request.GET["tasks"])
    mark.enqueue(request.GET["file"])
    started = time.perf_counter()
    for _ in range(number):
        nothing.enqueue()
    seconds = time.perf_counter() - started
    mark.enqueue(request.GET["file"])
    return JsonResponse({"microseconds": seconds / number * 1e6})


def stuck(request: HttpRequest, way: str, argument: str) -> JsonResponse:
    """One task of benchmarks/site/stuck.py: for so many seconds, or with this port."""
    return JsonResponse({"id": getattr(stuck_tasks, way).enqueue(json.loads(argument)).id})
