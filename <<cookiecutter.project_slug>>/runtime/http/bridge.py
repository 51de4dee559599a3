"""From Granian to Django: each request that main does not answer goes as one frame to an idle web thread, or waits.

All of this runs on the event loop of the main interpreter, so there are no locks. A request costs one future, one
send and one read.
"""

import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any
from urllib.parse import quote

from runtime.http import live, stream_limit
from runtime.http.body import Body, BodyIncomplete, BodyTooLarge, discard, has_body, receive
from runtime.http.delivery import Response, answer, pass_on
from runtime.http.link import Link
from runtime.http.live import Live
from runtime.http.responses import send_error
from runtime.http.static import StaticFiles
from runtime.http.waiting_room import Request, WaitingRoom
from runtime.http.web_metrics import WebMetrics
from runtime.shared import frames
from runtime.shared.plan import Plan

WAITING_LIMIT = 1000  # requests that may wait for a web thread; one more gets 503
LONGEST_WAIT = 30.0  # seconds that a request waits for a web thread; then 503


type Answer = Callable[[Any], Awaitable[None]]


class Bridge:
    """The RSGI application that Granian calls."""

    def __init__(self, plan: Plan, own: dict[str, Answer], metrics: WebMetrics) -> None:
        """`own`: what main answers by itself, by path."""
        self.plan, self.own, self.metrics = plan, own, metrics
        self.spool = plan.data_path / "tmp"
        self.static, self.live = StaticFiles(), Live()
        self.links: dict[object, list[Link]] = {}  # by host
        self.idle: deque[Link] = deque()
        self.waiting = WaitingRoom()
        self.numbers = count(1)  # of the requests
        self.buffer = memoryview(bytearray(frames.FRAME_SIZE))
        self.stopping = False

    # Requests

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        path = scope.path  # Granian makes what is in a scope anew each time that it is asked for
        if (of_main := self.own.get(path)) is not None:
            return await of_main(proto)
        if path.startswith(live.PREFIX):
            return await self.live.answer(scope, proto, self.plan.live_key)
        started = time.perf_counter()
        status = self.static.answer(path, scope, proto) or await self._serve(path, scope, proto)
        self.metrics.count(status, time.perf_counter() - started)

    async def _serve(self, path: str, scope: Any, proto: Any) -> int:
        """Answer one request; returns the status that was sent."""
        headers = scope.headers
        items = headers.items()
        names = dict(items)
        if "web" not in self.plan.roles:
            return send_error(proto, 404, "NotFound", "This server runs background tasks only (ROLES).")
        if reason := _unreadable(path, headers, names):
            return send_error(proto, 400, "BadRequest", reason)
        try:
            body: Body = b""
            if has_body(scope, names):
                body = await receive(proto, names, self.plan.max_request_body, self.spool)
        except BodyTooLarge:
            return send_error(proto, 413, "PayloadTooLarge", f"At most {self.plan.max_request_body} bytes are taken.")
        except BodyIncomplete:
            return send_error(proto, 400, "BadRequest", "The body has broken off.")
        except OSError as error:
            return send_error(proto, 507, "StorageFull", f"The upload could not be stored: {error.strerror}.")
        if self.stopping and not self._anybody_serves():
            discard(body)
            return send_error(proto, 503, "Stopping", "The server is stopping.", retry_after=1)
        if not self.idle and len(self.waiting) >= WAITING_LIMIT:
            discard(body)
            return send_error(proto, 503, "Busy", "Too many requests are waiting.", retry_after=1)
        number = next(self.numbers)
        frame = frames.pack((
            number, scope.method, path, scope.query_string, scope.http_version, scope.scheme,
            scope.client, scope.server, _with_host(items, scope.authority), body,
        ))  # fmt: skip
        if len(frame) > frames.FRAME_SIZE:
            discard(body)
            return send_error(proto, 431, "HeadersTooLarge", "The request's line and headers are too large.")
        request = Request(number, frame, body)
        if self.idle:
            self._pick().send(request)
        else:
            self.waiting.add(request)
        head = await request.response.head
        if head[0] != frames.WHOLE:
            return await pass_on(head, request.response, scope, proto)
        proto.response_bytes(*head[1:4])
        return int(head[1])

    # Web threads

    def attach(self, host: object, ends: list[socket.socket], rows: list[memoryview], watch: int) -> None:
        """The threads of a web interpreter are ready: their sockets and seats, and what wakes its watchdog."""
        links = self.links.setdefault(host, [])
        links += [Link(host, end, row, links, self._read, watch) for end, row in zip(ends, rows, strict=True)]
        for link in links:
            link.resume()
            self._next_request(link)

    def stop(self) -> None:
        """No web interpreter becomes ready any more: where there is none, nobody need wait. Events end."""
        self.stopping = True
        self.live.stop()
        stream_limit.cut_events(self._links())
        if not self._anybody_serves():
            while (request := self.waiting.take()) is not None:
                _turn_away(request, "Stopping", "The server is stopping.")

    def _anybody_serves(self) -> bool:
        return any(not link.leaving for link in self._links())

    def detach(self, host: object) -> None:
        """No more requests for this interpreter; those that it has may still be answered."""
        for link in self.links.get(host, []):
            link.leave()
            if link in self.idle:
                self.idle.remove(link)

    def drop(self, host: object) -> None:
        """This interpreter is gone: what it has not answered ends with a 500."""
        self.fail(self.links.pop(host, []))

    def give_up(self, host: object, index: int) -> None:
        """This one thread of an interpreter will not answer any more."""
        self.fail(self.links.get(host, [])[index : index + 1])

    def served(self, host: object) -> tuple[int, int]:
        """How many requests an interpreter has answered, and how many of them with 5xx."""
        links = self.links.get(host, [])
        return sum(link.served for link in links), sum(link.failed for link in links)

    def fail(self, links: list[Link]) -> None:
        """These threads will not answer any more."""
        for link in links:
            link.pause()
            if link in self.idle:
                self.idle.remove(link)
            if link.response is not None:
                answer(link.response, 500, "InterpreterDied", "The interpreter that served this request has died.")
                link.request = None

    def expire(self, now: float) -> list[tuple[Any, int]]:
        """504 for what has no head of a response after the web pool's request_timeout, 503 for what waits too long.

        Returns the web threads that have the former: the host, and the thread's number in it.
        """
        late: list[tuple[Any, int]] = []
        for link in self._links():
            response = link.response
            if response is not None and not response.head.done() and now - link.since > self.plan.web.request_timeout:
                answer(response, 504, "Timeout", f"No answer within {self.plan.web.request_timeout:g} s.")
                late.append((link.host, link.mates.index(link)))
        stream_limit.cut_surplus(self._links(), now)
        for request in self.waiting.overdue(now - LONGEST_WAIT):
            _turn_away(request, "Busy", "No web thread was free in time.")
        return late

    def request_of(self, host: object, index: int) -> str:
        """What a web thread answers, "GET /orders/"; "" where it has nothing to do, or is none."""
        link = self.links[host][index] if host in self.links else None
        if link is None or link.request is None or not link.request.frame:
            return ""
        _, method, path, *_ = frames.unpack(link.request.frame)
        return f"{method} {quote(path)}"

    def _links(self) -> list[Link]:
        return [link for links in self.links.values() for link in links]

    def _pick(self) -> Link:
        """An idle thread, of an interpreter in which nothing runs if there is one."""
        for link in self.idle:
            if all(mate.request is None for mate in link.mates):
                self.idle.remove(link)
                return link
        return self.idle.popleft()

    def _read(self, link: Link) -> None:
        """A frame has come from a web thread."""
        try:
            size = link.socket.recv_into(self.buffer)
        except ConnectionResetError:  # the thread has left without reading its request
            size = 0
        if not size:
            return self.fail([link])
        request = link.request
        if request is None:
            return
        frame, response = frames.unpack(self.buffer[:size]), request.response
        kind = frame[0]
        if kind in frames.LAST:
            if frame[-2] != request.number:
                return
            link.served += 1
            link.failed += _has_failed(frame, response)
            self._next_request(link, taken=frame[-1])
        if kind == frames.CHUNK:
            response.add(frame[1])
        elif kind == frames.END and response.head.done():
            response.end()
        elif kind in (frames.END, frames.BROKEN):
            answer(response, 500, "Failed", "The request has failed.")
        elif not response.head.done():
            if kind == frames.HEAD:
                stream_limit.begin(response, frame, self._links(), self.stopping)
            else:
                response.head.set_result(frame)
        elif kind == frames.HEAD:  # it comes too late, and nobody wants what follows
            link.say_gone()

    def _next_request(self, link: Link, taken: int = 0) -> None:
        """It has nothing to answer, but for the next one where it has `taken` that by itself."""
        if link.request is not None:
            link.request.response.link = None
            link.request = None
        if taken:
            link.has(self.waiting.has_been_taken(taken))
        elif link.leaving:
            return
        elif (request := self.waiting.take()) is not None:
            link.send(request)
        else:
            self.idle.append(link)


def _turn_away(request: Request, kind: str, text: str) -> None:
    discard(request.body)
    answer(request.response, 503, kind, text, retry_after=1)


def _has_failed(last: tuple[Any, ...], response: Response) -> bool:
    if last[0] in (frames.WHOLE, frames.FILE):
        return bool(last[1] >= 500)
    return last[0] == frames.BROKEN or not response.head.done() or response.head.result()[1] >= 500


def _unreadable(path: str, headers: Any, names: dict[str, str]) -> str:
    """Why this request cannot be passed on as it was sent; "" where it can. RSGI has text where HTTP has bytes."""
    if not path.isascii() and "\ufffd" in path:
        return "The path is not UTF-8."
    if len(headers) != len(names):
        return "A header has characters that are not ASCII."
    return ""


def _with_host(items: frames.Headers, authority: str | None) -> frames.Headers:
    """The target's authority stands above a Host header: in HTTP/2, and where a target is a whole URL."""
    if authority is None:
        return items
    return [("host", authority), *(item for item in items if item[0] != "host")]
