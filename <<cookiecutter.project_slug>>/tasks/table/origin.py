"""Which request has enqueued a task: "NANOSECONDS POST /orders/", when it began (Unix time), method and path.

Noted with each request, which costs about a microsecond, and made into a text only where something is enqueued.
"""

import time
from contextvars import ContextVar
from typing import Any

from django.core.signals import request_finished, request_started

LONGEST = 200  # characters; the table's

_request: ContextVar[tuple[int, dict[str, Any]] | None] = ContextVar("request", default=None)


def current() -> str | None:
    """Of what is enqueued here; None outside of requests."""
    if (request := _request.get()) is None:
        return None
    began, environ = request
    path = environ["PATH_INFO"].encode("latin-1", "replace").decode(errors="replace").replace("\0", "")
    return f"{began} {environ['REQUEST_METHOD']} {path}"[:LONGEST]


def connect() -> None:
    request_started.connect(_begin)
    request_finished.connect(_end)


def _begin(sender: object, environ: dict[str, Any] | None = None, **arguments: object) -> None:
    _request.set((time.time_ns(), environ) if environ else None)


def _end(sender: object, **arguments: object) -> None:
    _request.set(None)
