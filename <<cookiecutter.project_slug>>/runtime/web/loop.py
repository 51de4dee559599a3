"""The loop of a web thread: receive a request, let Django answer it, send the response."""

from contextlib import closing
from functools import partial

from django.core.servers.basehttp import get_internal_wsgi_application
from django.urls import get_resolver

from runtime.interpreter.inside import Assignment, Loop, Seat
from runtime.interpreter.watchdog import Insisted, Watchdog
from runtime.shared.board import State
from runtime.shared.proxies import Proxies
from runtime.web.channel import Channel
from runtime.web.wsgi import Application, ClientGone, Exchange

MAIN_FIRST = 0.4  # seconds by which main's 504 is ahead of the error in the thread: heartbeat.py looks more often


class RequestTimeout(TimeoutError):
    """The request had no answer within the web pool's request_timeout: its client has got a 504."""


ENDED = (RequestTimeout, ClientGone, MemoryError, Insisted)  # what ends a request from outside


def run(assignment: Assignment) -> Loop:
    application = get_internal_wsgi_application()  # before any thread: an interpreter with one left cannot be closed
    get_resolver().url_patterns  # noqa: B018  the views: what does not import must not take the place of what does
    watchdog = Watchdog(assignment.watch, threads=assignment.plan.web.threads)
    watchdog.start()
    return partial(serve, application, watchdog)


def serve(application: Application, watchdog: Watchdog, seat: Seat) -> None:
    """Answer requests until main sends no more."""
    assignment = seat.assignment
    try:
        proxies, seconds = Proxies(assignment.plan.trusted_proxies), assignment.plan.web.request_timeout + MAIN_FIRST
        with closing(Channel(assignment.sockets[seat.index], assignment.waiting_room, seat.row)) as channel:
            run = watchdog.guard(seat, seconds, RequestTimeout, ClientGone)
            run.is_cancelled = channel.client_has_left
            while request := channel.receive():
                seat.turn()
                exchange = Exchange(channel, request, proxies, run)
                seat.busy()
                try:
                    with run:
                        exchange.run(application)
                except ENDED:
                    pass
                exchange.end()
                seat.idle()
    finally:
        watchdog.leave()
        seat.show_state(State.LEAVING)
