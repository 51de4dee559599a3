"""A response on its way from a web thread to the client; and one in parts, or a file, through to the client."""

import asyncio
import contextlib
import time
from collections import deque
from typing import Any

from runtime.http.connection import Connection
from runtime.http.link import Link
from runtime.http.responses import error
from runtime.shared import frames

BUFFER_LIMIT = 1024 * 1024  # bytes of a response held here for a slow client before its web thread has to wait
HELD_LIMIT = 1024 * 1024  # bytes that Granian may hold for it besides
UNWATCHED = 256 * 1024  # bytes of a response that are sent before anybody asks what became of them
PAUSES = 0.002, 0.1  # seconds between two looks at what Granian holds: the first, and the longest
BEFORE_CUT = 0.1  # seconds in which Granian sends what it has of a response that broke off
LONGEST_STALL = 60.0  # seconds in which a slow client takes nothing at all; then its connection is cut


class Response:
    """What the web thread has sent so far of one response, for the coroutine that passes it on to the client."""

    __slots__ = ("began", "buffered", "chunks", "head", "is_broken", "is_events", "is_over", "link", "waiter")

    def __init__(self) -> None:
        self.head: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()
        self.began = 0.0  # monotonic seconds when its head came, if parts follow; 0: it has none
        self.is_events = False  # server-sent events: there is no end to them
        self.chunks: deque[bytes] = deque()
        self.buffered = 0
        self.waiter: asyncio.Future[None] | None = None  # for the next part, or the end
        self.is_over = False  # no more is sent to the client
        self.is_broken = False  # … although there is more: its connection is cut
        self.link: Link | None = None  # while its thread makes it

    def add(self, chunk: bytes) -> None:
        """A part has come; its thread pauses when too many wait for the client."""
        if self.is_over or self.link is None:
            return
        self.chunks.append(chunk)
        self.buffered += len(chunk)
        self._tell()
        if self.buffered >= BUFFER_LIMIT:
            self.link.pause()

    def end(self, is_broken: bool = False) -> None:
        """Its thread is through with it, or will not send the rest."""
        self.is_broken |= is_broken
        self.link = None
        self._tell()

    def leave(self, is_broken: bool = False) -> None:
        """Nobody waits for the rest: tell its thread, and throw away what that still sends."""
        self.is_broken |= is_broken
        if not self.is_over:
            self.is_over = True
            self.chunks.clear()
            self._tell()
            if self.link is not None:
                self.link.say_gone()
                self.link.resume()

    def _tell(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def next_chunk(self) -> bytes:
        """All that has arrived; b"" at the end."""
        while not self.chunks and self.link is not None and not self.is_over:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        chunk = b"".join(self.chunks)
        self.chunks.clear()
        self.buffered = 0
        if self.link is not None:
            self.link.resume()
        return chunk


async def pass_on(head: tuple[Any, ...], response: Response, scope: Any, proto: Any) -> int:
    """Send a response that is a file, or has parts, to the client; returns its status."""
    kind, status, headers, *rest = head
    assert isinstance(status, int)
    if kind == frames.FILE:
        proto.response_file_range(status, headers, *rest[:3])
    else:
        await _stream(response, scope, proto, proto.response_stream(status, headers))
    return status


async def _stream(response: Response, scope: Any, proto: Any, transport: Any) -> None:
    leaving = asyncio.get_running_loop().create_task(_tell_when_gone(response, proto))
    outlet = Outlet(scope.client, scope.server)
    try:
        while chunk := await response.next_chunk():
            await transport.send_bytes(chunk)
            await outlet.sent(len(chunk), response)
        if response.is_broken:
            await asyncio.sleep(BEFORE_CUT)
    except RuntimeError:  # Granian's RSGIProtocolClosed: the client has gone
        response.leave()
    except BaseException:  # no memory, no descriptor: its thread would wait for ever
        response.leave(is_broken=True)
        raise
    finally:
        leaving.cancel()
        outlet.close(response.is_broken)


async def _tell_when_gone(response: Response, proto: Any) -> None:
    await proto.client_disconnect()
    response.leave()


class Outlet:
    """What one response does to its connection."""

    def __init__(self, client: str, server: str) -> None:
        self.client, self.server = client, server
        self.bytes = 0
        self.is_watched = False
        self.connection: Connection | None = None

    async def sent(self, size: int, response: Response) -> None:
        """Granian has been given so many bytes: wait while it holds too many, as long as its thread makes more."""
        self.bytes += size
        if self.connection is not None:
            self.connection.given += size
        elif self.bytes >= UNWATCHED and not self.is_watched:
            self._watch()
        if self.connection is not None:
            await self._wait_for_client(self.connection, response)

    def _watch(self) -> None:
        with contextlib.suppress(OSError):  # no descriptor is free: it goes on unwatched, until one is
            self.connection = Connection.take(self.client, self.server)
            self.is_watched = True
        if self.connection is not None:
            self.connection.given += self.bytes  # as if the client had got none of it yet

    async def _wait_for_client(self, connection: Connection, response: Response) -> None:
        """Look again and again: that its socket takes more says nothing, Granian is woken by that as well."""
        pause, longest = PAUSES
        least, since = connection.held(), time.monotonic()
        while (held := connection.held()) > HELD_LIMIT and response.link is not None and not response.is_over:
            if held < least:
                pause, least, since = PAUSES[0], held, time.monotonic()
            elif time.monotonic() - since > LONGEST_STALL:
                return response.leave(is_broken=True)
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    def close(self, cut: bool) -> None:
        if cut and self.connection is None:
            self._watch()
        if self.connection is not None:
            if cut:
                self.connection.cut()
            self.connection.release()


def answer(response: Response, status: int, kind: str, message: str, retry_after: int = 0) -> None:
    """End a response without its web thread; what that still sends is thrown away."""
    response.end(is_broken=response.head.done())
    if not response.head.done():
        response.head.set_result((frames.WHOLE, status, *error(kind, message, retry_after)))
