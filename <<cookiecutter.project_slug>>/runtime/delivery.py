"""A response on its way from a web thread to the client, whole or in parts."""

import asyncio
from collections import deque
from typing import Any

from runtime import frames
from runtime.link import Link

BUFFER_LIMIT = 1024 * 1024  # bytes of a response held for a slow client before its web thread has to wait


class Response:
    """What the web thread has sent so far of one response, for the coroutine that passes it on to the client."""

    __slots__ = ("arrived", "buffered", "chunks", "head", "link")

    def __init__(self, head: asyncio.Future[tuple[Any, ...]]) -> None:
        self.head = head
        self.chunks: deque[bytes | None] = deque()  # None is the end
        self.buffered = 0
        self.arrived = asyncio.Event()
        self.link: Link | None = None

    def add(self, chunk: bytes) -> None:
        """A part has come; its thread pauses when too many wait for the client."""
        if self.link is None:
            return  # its client has gone
        self.chunks.append(chunk)
        self.buffered += len(chunk)
        self.arrived.set()
        if self.buffered >= BUFFER_LIMIT:
            self.link.pause()

    def end(self) -> None:
        self.chunks.append(None)
        self.arrived.set()

    async def next_chunk(self) -> bytes | None:
        while not self.chunks:
            self.arrived.clear()
            await self.arrived.wait()
        chunk = self.chunks.popleft()
        self.buffered -= len(chunk or b"")
        if self.link is not None and self.buffered < BUFFER_LIMIT:
            self.link.resume()
        return chunk

    def give_up(self) -> None:
        """The client has gone: what its thread still sends is thrown away."""
        self.chunks.clear()
        if self.link is not None:
            self.link.say_gone()
            self.link.resume()
        self.link = None


async def pass_on(head: tuple[Any, ...], response: Response, proto: Any) -> int:
    """Send a response to the client; returns its status."""
    kind, status, headers, *rest = head
    assert isinstance(status, int)
    if kind == frames.WHOLE:
        proto.response_bytes(status, headers, rest[0])
    elif kind == frames.FILE:
        proto.response_file(status, headers, rest[0])
    else:
        await _stream(response, proto.response_stream(status, headers))
    return status


async def _stream(response: Response, transport: Any) -> None:
    try:
        while (chunk := await response.next_chunk()) is not None:
            await transport.send_bytes(chunk)
    except Exception:  # Granian's: the client has gone
        response.give_up()


def answer(response: Response, status: int, text: str) -> None:
    """End a response without its web thread; what that still sends is thrown away."""
    response.link = None
    response.end()
    if not response.head.done():
        headers = [("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")]
        response.head.set_result((frames.WHOLE, status, headers, text.encode()))
