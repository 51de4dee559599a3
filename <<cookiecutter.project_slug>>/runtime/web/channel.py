"""A web thread's end of what connects it to main."""

import contextlib
import socket
from typing import Any

from runtime.shared import frames
from runtime.shared.board import Cell


class Channel:
    """Its own socket, on which main sends it requests and it answers; and the one of the waiting room."""

    def __init__(self, own: int, waiting_room: int, row: memoryview) -> None:
        """Descriptors, which stay open, and its seat on the board."""
        self.own, self.waiting_room = socket.socket(fileno=own), socket.socket(fileno=waiting_room)
        self.own.setblocking(True)  # whatever socket.setdefaulttimeout() says
        self.waiting_room.setblocking(False)
        self.row = row
        self.buffer = memoryview(bytearray(frames.FRAME_SIZE))
        self.number = 0  # of the request that the thread has
        self.taken: tuple[Any, ...] | None = None  # the next one, from the waiting room

    def receive(self) -> tuple[Any, ...] | None:
        """The next request; None where the thread is to leave."""
        request, self.taken = self.taken or self._read(self.own), None
        self.number = request[0] if request else 0
        return request

    def send(self, frame: tuple[Any, ...]) -> None:
        self.own.sendall(frames.pack(frame))

    def send_last(self, frame: tuple[Any, ...]) -> None:
        """Send what ends the response, of which request it is, and which one comes next.

        What was streamed to a client may have to wait for that one before it goes out: nobody is taken behind it.
        """
        if self.taken is None and frame[0] in frames.AT_ONCE and not self.row[Cell.LEAVES]:
            with contextlib.suppress(BlockingIOError):  # nobody waits
                self.taken = self._read(self.waiting_room)
        self.send((*frame, self.number, self.taken[0] if self.taken else 0))

    def client_has_left(self) -> bool:
        """Whether the client of its request is known to have left. The watchdog asks as well."""
        return self.row[Cell.GONE] == self.number

    def close(self) -> None:
        """Let go of the descriptors, which are main's."""
        self.own.detach()
        self.waiting_room.detach()

    def _read(self, end: socket.socket) -> tuple[Any, ...] | None:
        size = end.recv_into(self.buffer)
        return frames.unpack(self.buffer[:size]) if size else None
