"""Requests for which no web thread is idle.

The oldest few are in a socket from which a web thread that is through with its request takes the next one by itself:
under load it need not go to sleep until main has seen its answer. The others wait here. Whoever receives a request from
the socket, a thread or main, is the only one that has it.
"""

import contextlib
import time
from collections import deque
from dataclasses import dataclass, field

from runtime.http.body import Body
from runtime.http.delivery import Response
from runtime.shared import frames

WITHIN_REACH = 8  # requests in the socket: twice as many as a usual server has web threads
TELLING = 5.0  # seconds in which a thread tells what it has taken: it does with the answer that it has ready


@dataclass(slots=True, eq=False)
class Request:
    """One that has not been answered."""

    number: int
    frame: bytes
    body: Body
    response: Response = field(default_factory=Response)
    since: float = field(default_factory=time.monotonic)  # seconds


class WaitingRoom:
    """In the order of their coming."""

    def __init__(self) -> None:
        self.main, self.web = frames.pair()
        self.web.setblocking(False)
        self.within_reach: dict[int, Request] = {}  # by number: those in the socket
        self.others: deque[Request] = deque()

    def __len__(self) -> int:
        return len(self.within_reach) + len(self.others)

    def add(self, request: Request) -> None:
        self.others.append(request)
        self._fill()

    def has_been_taken(self, number: int) -> Request:
        """A web thread says that it has this one now."""
        request = self.within_reach.pop(number, None)
        self._fill()
        if request is None:  # it was taken for lost: what its thread answers goes nowhere
            request = Request(number, b"", b"")
            request.response.leave()
        return request

    def take(self) -> Request | None:
        """The oldest one; None where nobody waits, or web threads have taken those that do."""
        return self._receive() or (self.others.popleft() if self.others else None)

    def overdue(self, since: float) -> list[Request]:
        """Those that came before `since`: they wait no more."""
        late = sum(request.since < since for request in self.within_reach.values())
        received = [request for _ in range(late) if (request := self._receive()) is not None]
        received += [self.others.popleft() for _ in range(len(self.others)) if self.others[0].since < since]
        self.others.extendleft(request for request in reversed(received) if request.since >= since)
        return [request for request in received if request.since < since] + self._lost(since - TELLING)

    def _receive(self) -> Request | None:
        if not self.within_reach:  # mostly, and then there is no need to ask the kernel
            return None
        with contextlib.suppress(BlockingIOError):
            return self.has_been_taken(frames.unpack(self.web.recv(frames.FRAME_SIZE))[0])
        return None

    def _lost(self, since: float) -> list[Request]:
        """Those that a thread took, and had no memory to tell so. Its own is the body, and gone."""
        lost = [request for request in self.within_reach.values() if request.since < since]
        for request in lost:
            request.body = b""
            del self.within_reach[request.number]
        return lost

    def close(self) -> None:
        self.main.close()
        self.web.close()

    def _fill(self) -> None:
        with contextlib.suppress(BlockingIOError):  # large ones: the socket is full before
            while self.others and len(self.within_reach) < WITHIN_REACH:
                self.main.send(self.others[0].frame)
                request = self.others.popleft()
                self.within_reach[request.number] = request
