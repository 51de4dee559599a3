"""Main's end of the socketpair to one web thread."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.shared import descriptors
from runtime.shared.board import Cell

if TYPE_CHECKING:
    from runtime.http.delivery import Response
    from runtime.http.waiting_room import Request


class Link:
    """One web thread, as main sees it."""

    __slots__ = (
        "failed", "host", "leaving", "mates", "read", "reading", "request", "row", "served", "since", "socket", "watch",
    )  # fmt: skip

    def __init__(
        self, host: object, end: socket.socket, row: memoryview, mates: list[Link], read: Callable[[Link], None],
        watch: int,
    ) -> None:  # fmt: skip
        self.host, self.socket = host, end
        self.row = row  # its seat on the board
        self.mates = mates  # all links to this interpreter: its threads share a GIL
        self.read = read  # called when there is something to read
        self.watch = watch  # descriptor that wakes the watchdog of its interpreter
        self.leaving = False  # it answers what it has, and gets no more
        self.served = self.failed = 0  # requests, and those of them that were answered with 5xx
        self.request: Request | None = None  # the one that it has
        self.since = 0.0  # monotonic seconds when it got its request
        self.reading = False

    @property
    def response(self) -> Response | None:
        return self.request.response if self.request is not None else None

    def send(self, request: Request) -> None:
        self.has(request)
        self.socket.send(request.frame)

    def has(self, request: Request) -> None:
        """It has this request from now on."""
        self.request, request.response.link = request, self
        self.since = time.monotonic()

    def leave(self) -> None:
        """It shall take no more requests by itself."""
        self.leaving = True
        self.row[Cell.LEAVES] = 1

    def say_gone(self) -> None:
        """Nobody wants the response to its request any more: it shall end the response, wherever it is in it."""
        if self.request is not None:
            self.row[Cell.GONE] = self.request.number
            descriptors.signal(self.watch)

    def resume(self) -> None:
        if not self.reading:
            self.reading = True
            asyncio.get_running_loop().add_reader(self.socket, self.read, self)

    def pause(self) -> None:
        if self.reading:
            self.reading = False
            asyncio.get_running_loop().remove_reader(self.socket)
