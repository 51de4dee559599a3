"""Main's end of the socketpair to one web thread."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime import frames, wakeup

if TYPE_CHECKING:
    from runtime.delivery import Response


class Link:
    """One web thread, as main sees it."""

    __slots__ = (
        "failed", "host", "leaving", "mates", "read", "reading", "request", "response", "served", "since", "socket",
        "watch",
    )  # fmt: skip

    def __init__(
        self, host: object, end: socket.socket, mates: list[Link], read: Callable[[Link], None], watch: int | None
    ) -> None:
        self.host, self.socket = host, end
        self.mates = mates  # all links to this interpreter: its threads share a GIL
        self.read = read  # called when there is something to read
        self.watch = watch  # descriptor that wakes the watchdog of its interpreter
        self.leaving = False  # it answers what it has, and gets no more
        self.served = self.failed = 0  # requests, and those of them that were answered with 5xx
        self.response: Response | None = None
        self.request = b""  # its frame
        self.since = 0.0  # monotonic seconds when its request was sent
        self.reading = False

    def send(self, response: Response, request: bytes) -> None:
        self.response, response.link, self.request = response, self, request
        self.since = time.monotonic()
        self.socket.send(request)

    def say_gone(self) -> None:
        """The client of its request has left: it shall end the response, wherever it is in it."""
        with contextlib.suppress(OSError):  # its thread leaves
            self.socket.send(frames.GONE_FRAME)
            if self.watch is not None:
                wakeup.signal(self.watch)

    def resume(self) -> None:
        if not self.reading:
            self.reading = True
            asyncio.get_running_loop().add_reader(self.socket, self.read, self)

    def pause(self) -> None:
        if self.reading:
            self.reading = False
            asyncio.get_running_loop().remove_reader(self.socket)
