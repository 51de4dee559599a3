"""The loop of a web thread: receive a request, let Django answer it, send the response."""

import contextlib
import logging
import os
import socket
from functools import partial

from django.core.servers.basehttp import get_internal_wsgi_application
from django.urls import get_resolver

from runtime import frames
from runtime.board import State
from runtime.inside import Assignment, Loop, Seat
from runtime.proxies import Proxies
from runtime.watchdog import Insisted, Watchdog
from runtime.wsgi import Application, ClientGone, Exchange, client_has_left

logger = logging.getLogger("server")


MAIN_FIRST = 0.4  # seconds by which main's 504 is ahead of the error in the thread (overrun.LOOK_EVERY is below it)


class RequestTimeout(TimeoutError):
    """The request had no answer within the web pool's request_timeout: its client has got a 504."""


ENDED = contextlib.suppress(RequestTimeout, ClientGone, MemoryError, Insisted)  # what the watchdog raises


def run(assignment: Assignment) -> Loop:
    application = get_internal_wsgi_application()  # before any thread: an interpreter with one left cannot be closed
    get_resolver().url_patterns  # noqa: B018  the views: what does not import must not take the place of what does
    watchdog = Watchdog(assignment.watch, threads=assignment.plan.web.threads)
    watchdog.start()
    return partial(serve, application, watchdog)


def serve(application: Application, watchdog: Watchdog, seat: Seat) -> None:
    """Answer requests until main closes its end of the socket."""
    try:
        _serve(application, watchdog, seat)
    finally:
        watchdog.leave()
        seat.show_state(State.LEAVING)


def _serve(application: Application, watchdog: Watchdog, seat: Seat) -> None:
    proxies = Proxies(seat.assignment.plan.trusted_proxies)
    buffer, seconds = memoryview(bytearray(frames.FRAME_SIZE)), seat.assignment.plan.web.request_timeout + MAIN_FIRST
    with socket.socket(fileno=os.dup(seat.assignment.sockets[seat.index])) as channel:
        while size := channel.recv_into(buffer):
            seat.turn()
            frame = frames.unpack(buffer[:size])
            if frame != frames.GONE:  # one that came after the response had gone out
                exchange = Exchange(channel, frame, proxies)
                seat.busy()
                with ENDED, watchdog.guard(seat, seconds, RequestTimeout, ClientGone) as run:
                    run.is_cancelled = partial(client_has_left, channel)
                    exchange.on_head, exchange.hold = partial(watchdog.relieve, run), partial(watchdog.hold, run)
                    exchange.run(application)
                exchange.end()
                seat.idle()
            seat.rest()
