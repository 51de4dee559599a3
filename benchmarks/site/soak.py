"""Tasks and views with which benchmarks/soak.py makes each fault happen."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.tasks import task

from benchmarks.site.models import Effect, Run

ENDLESS_STATEMENT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@task
def mark(number: int) -> None:
    """An effect that is right however often it is tried, and a note that this run came to its end."""
    Effect.objects.get_or_create(number=number)
    time.sleep(0.02)
    Run.objects.create(number=number)


@task(queue_name="critical", on_lost="fail")
def mark_once(number: int) -> None:
    mark.func(number)


@task
def fail(way: str) -> Any:
    if way == "RecursionError":
        return fail.func(way)
    raise {"SystemExit": SystemExit, "MemoryError": MemoryError, "KeyError": KeyError}[way]("as planned")


@task(timeout=1)
def outlast(way: str) -> None:
    """Work without end: in Python, a statement, a socket, a child process, C code."""
    WAYS[way]()


def _compute() -> None:
    while True:
        pass


def _query() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ENDLESS_STATEMENT)


def _listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as peer:
        peer.recv(1)


WAYS: dict[str, Callable[[], object]] = {
    "python": _compute,
    "statement": _query,
    "socket": _listen,
    "child": lambda: subprocess.run(["sleep", "1000"], check=True),
    "c": lambda: time.sleep(1000),  # not a regular expression: four of them would take all processors
}


@task
def break_the_loop(number: int) -> None:
    """The loop of this worker fails with its next task, after the claim."""
    from tasks.worker import loop

    def fail(*_: object) -> None:
        raise RuntimeError("as planned")

    loop.run_attempt = fail


@task
def kill_the_process(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def enqueue(request: HttpRequest, name: str, argument: str) -> JsonResponse:
    tasks = {"fail": fail, "outlast": outlast}
    if name in tasks:
        return JsonResponse({"id": tasks[name].enqueue(argument).id}, status=202)
    numbered = {each.name: each for each in (mark, mark_once, break_the_loop, kill_the_process)}
    return JsonResponse({"id": numbered[name].enqueue(int(argument)).id}, status=202)


def endless(request: HttpRequest, way: str) -> HttpResponse:
    """Without an answer: in Python or in C."""
    _compute() if way == "python" else time.sleep(1000)
    return HttpResponse()


def leave(request: HttpRequest) -> HttpResponse:
    """End the loop of the web thread, and so its interpreter."""
    raise SystemExit("as planned")


def sleep(request: HttpRequest, milliseconds: int) -> HttpResponse:
    time.sleep(milliseconds / 1000)
    return HttpResponse("slept")


class Everybody(AnonymousUser):
    is_authenticated = True  # type: ignore[assignment]


def everybody_is_signed_in(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    def answer(request: HttpRequest) -> HttpResponseBase:
        request.user = Everybody()  # type: ignore[assignment]
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return get_response(request)

    return answer
