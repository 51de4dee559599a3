"""Pages that live: what changes is sent to them by the main interpreter alone, as server-sent events.

    GET /live/TOPIC/SUBJECT?until=…&signature=…

Whoever has the address may listen until it expires: a web interpreter signs it (tasks/live.py) with a key that main has
from the settings. So an open page costs no web thread and no query. A topic gives one feed for each stream: a generator
that is asked four times a second, yields the event to send, or b"" where there is nothing new, and never ends.
"""

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import Generator
from typing import Any, Protocol
from urllib.parse import parse_qs

from runtime.http.responses import send_error
from runtime.shared.log import logger

PREFIX = "/live/"
LOOK_EVERY = 0.25  # seconds
HEARTBEAT = 15.0  # seconds without an event; proxies close what is silent for longer
MOST_STREAMS = 2000  # one more gets 503
MOST_BYTES = 256 * 1024  # for one stream, as Granian keeps all that its client does not read; it then asks again
HEADERS = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),  # nginx would collect events
]
RETRY = b"retry: 1000\n\n"  # ms, after which a browser asks again

type Feed = Generator[bytes]


class Topic(Protocol):
    def look(self) -> None:
        """Before the feeds of a round are asked, once for all of them."""

    def feed(self, subject: str) -> Feed: ...


def signature(key: str, path: str, until: int) -> str:
    return hmac.new(key.encode(), f"{path}?{until}".encode(), hashlib.sha256).hexdigest()


def is_signed(key: str, path: str, query: str) -> bool:
    """Whether an address was signed with the key and has not expired."""
    given = {name: values[0] for name, values in parse_qs(query).items()}
    until, signed = given.get("until", ""), given.get("signature", "")
    if not (until.isascii() and until.isdecimal() and len(until) < 16 and int(until) > time.time()):
        return False
    return hmac.compare_digest(signature(key, path, int(until)).encode(), signed.encode())


class Stream:
    """One open page: its feed, and what is still to be sent to it."""

    def __init__(self, topic: str, feed: Feed) -> None:
        self.topic, self.feed = topic, feed
        self.waiting = RETRY
        self.taken = self.silent_since = 0.0
        self.ended = False
        self.woken = asyncio.Event()

    def put(self, chunk: bytes, now: float) -> None:
        if self.ended or (not chunk and now - self.silent_since < HEARTBEAT):
            return
        self.waiting += chunk or b":\n\n"
        self.silent_since = now
        self.taken += len(chunk)
        self.ended |= self.taken > MOST_BYTES
        self.woken.set()

    def end(self, *_: object) -> None:
        self.ended = True
        self.woken.set()

    async def send(self, transport: Any) -> None:
        """Pass on what there is, until the stream has ended."""
        while self.waiting or not self.ended:
            if self.waiting:
                chunk, self.waiting = self.waiting, b""
                await transport.send_bytes(chunk)
            else:
                self.woken.clear()
                await self.woken.wait()


class Live:
    def __init__(self, topics: dict[str, Topic] | None = None) -> None:
        self.topics = topics or {}
        self.streams: set[Stream] = set()
        self.rounds: asyncio.Task[None] | None = None
        self.stopping = False

    async def answer(self, scope: Any, proto: Any, key: str) -> None:
        """Serve one stream until its client leaves, or the server does. `key` is what addresses are signed with."""
        topic, _, subject = scope.path.removeprefix(PREFIX).partition("/")
        if scope.method != "GET" or topic not in self.topics or not is_signed(key, scope.path, scope.query_string):
            send_error(proto, 403, "Forbidden", "This address is not good, or not any more.")
        elif self.stopping or len(self.streams) >= MOST_STREAMS:
            send_error(proto, 503, "Busy", "Too many pages are open.", retry_after=5)
        else:
            await self._serve(Stream(topic, self.topics[topic].feed(subject)), proto)

    def stop(self) -> None:
        """The server stops: pages ask again, and find its successor."""
        self.stopping = True
        self._end_all()

    async def _serve(self, stream: Stream, proto: Any) -> None:
        self.streams.add(stream)
        left = asyncio.ensure_future(proto.client_disconnect())
        left.add_done_callback(stream.end)
        if self.rounds is None:
            self.rounds = asyncio.get_running_loop().create_task(self._go_round())
        try:
            with contextlib.suppress(Exception):  # Granian's: the client has gone
                await stream.send(proto.response_stream(200, HEADERS))
        finally:
            left.cancel()
            self.streams.discard(stream)
            stream.feed.close()

    async def _go_round(self) -> None:
        """One round after the other, while anybody listens."""
        while self.streams:
            try:
                self._ask_all(time.monotonic())
            except Exception:  # of a feed: the pages ask again
                logger.exception("what live pages are told cannot be told")
                self._end_all()
            await asyncio.sleep(LOOK_EVERY)
        self.rounds = None

    def _ask_all(self, now: float) -> None:
        for topic in {stream.topic for stream in self.streams}:
            self.topics[topic].look()
        for stream in self.streams:
            stream.put(next(stream.feed), now)

    def _end_all(self) -> None:
        for stream in self.streams:
            stream.end()
