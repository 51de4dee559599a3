"""What stands on both sides of the bridge: a client as Granian shows it, and a web thread that a test plays."""

import asyncio
import os
import socket
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runtime.http.bridge import Bridge
from runtime.http.web_metrics import WebMetrics
from runtime.shared import descriptors, frames
from runtime.shared.board import Cell
from tests.runtime.make import make_plan
from tests.runtime.on_loop import cleanups


class Headers:
    """RSGI's headers."""

    def __init__(self, pairs: frames.Headers) -> None:
        self.pairs = pairs

    def items(self) -> frames.Headers:
        return list(self.pairs)

    def __len__(self) -> int:
        return len(dict(self.pairs))

    def get(self, name: str) -> str | None:
        return dict(self.pairs).get(name)


class Client:
    """RSGI's scope and protocol of one request, and what was answered to it."""

    def __init__(self, path: str = "/", headers: frames.Headers | None = None, body: bytes = b"") -> None:
        given = [("host", "localhost"), *(headers or [])]
        if body:
            given.append(("content-length", str(len(body))))
        self.body = body
        self.scope = SimpleNamespace(
            method="POST" if body else "GET", path=path, query_string="a=1", http_version="1.1", scheme="http",
            client="127.0.0.1:50000", server="127.0.0.1:8000", headers=Headers(given), authority=None,
        )  # fmt: skip
        self.status = 0
        self.headers: frames.Headers = []
        self.content = b""
        self.file = ("", 0, 0)
        self.is_slow = asyncio.Event()  # set: it reads what is sent to it
        self.is_slow.set()
        self.has_left = False
        self.left = asyncio.Event()

    async def client_disconnect(self) -> None:
        await self.left.wait()

    async def __call__(self) -> bytes:
        return self.body

    async def __aiter__(self) -> Any:
        yield self.body

    def response_bytes(self, status: int, headers: frames.Headers, content: bytes) -> None:
        assert not self.status, "answered twice"
        self.status, self.headers, self.content = status, headers, content

    def response_str(self, status: int, headers: frames.Headers, text: str) -> None:
        self.response_bytes(status, headers, text.encode())

    def response_file_range(self, status: int, headers: frames.Headers, path: str, start: int, end: int) -> None:
        self.status, self.headers, self.file = status, headers, (path, start, end)

    def response_stream(self, status: int, headers: frames.Headers) -> Client:
        self.status, self.headers = status, headers
        return self

    async def send_bytes(self, chunk: bytes) -> None:
        await self.is_slow.wait()
        if self.has_left:
            raise RuntimeError("RSGI transport is closed")
        self.content += chunk


class WebThread:
    """A web thread's end of the socketpair, and its seat."""

    def __init__(self, waiting_room: socket.socket) -> None:
        self.main, self.web = frames.pair()
        self.web.setblocking(False)
        self.waiting_room = waiting_room
        self.row = memoryview(bytearray(8 * len(Cell))).cast("q")
        self.number = 0  # of the request that it has received last
        self.answers = 0  # the number of the one that it answers

    async def receive(self) -> tuple[Any, ...]:
        """A request, without its number."""
        self.number, *request = frames.unpack(await asyncio.get_running_loop().sock_recv(self.web, frames.FRAME_SIZE))
        self.answers = self.number
        return tuple(request)

    def take(self) -> tuple[Any, ...]:
        """A request from the waiting room, without its number; an empty one where nobody waits."""
        try:
            self.number, *request = frames.unpack(self.waiting_room.recv(frames.FRAME_SIZE))
        except BlockingIOError:
            self.number, request = 0, []
        return tuple(request)

    async def send(self, *frame: Any, taken: int = 0) -> None:
        if frame[0] in frames.LAST:
            frame = (*frame, self.answers, taken)
            self.answers = taken or self.answers
        await asyncio.get_running_loop().sock_sendall(self.web, frames.pack(frame))

    async def answer(self, status: int = 200, content: bytes = b"hello") -> tuple[Any, ...]:
        """Receive a request and answer it; the request."""
        request = await self.receive()
        await self.send(frames.WHOLE, status, [], content)
        return request

    async def hears_that_its_client_has_left(self) -> bool:
        """Waits until it does."""
        while not self.row[Cell.GONE] == self.number > 0:
            await asyncio.sleep(0)
        return True

    def has_something(self) -> bool:
        try:
            return bool(self.web.recv(frames.FRAME_SIZE, socket.MSG_PEEK))
        except BlockingIOError:
            return False


class Stage:
    """A bridge with web threads that the test plays."""

    def __init__(self, folder: Path, *hosts: int, **fields: Any) -> None:
        """`hosts`: how many threads each web interpreter has; `fields` of the plan."""
        os.makedirs(folder / "tmp", exist_ok=True)
        self.metrics, self.watch = WebMetrics(), descriptors.event()
        self.bridge = Bridge(make_plan(folder, **fields), {"/healthz": self.healthz}, self.metrics)
        cleanups.append(partial(os.close, self.watch))
        cleanups.append(self.bridge.waiting.close)
        self.threads = [self.add(f"web-{number}", count) for number, count in enumerate(hosts, 1)]

    def add(self, host: str, count: int) -> list[WebThread]:
        """A web interpreter becomes ready."""
        threads = [WebThread(self.bridge.waiting.web) for _ in range(count)]
        self.bridge.attach(host, [thread.main for thread in threads], [thread.row for thread in threads], self.watch)
        cleanups.append(partial(self._close, host, threads))
        return threads

    async def healthz(self, proto: Any) -> None:
        proto.response_str(200, [], "ok")

    def ask(self, client: Client) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self.bridge.__rsgi__(client.scope, client))

    def _close(self, host: str, threads: list[WebThread]) -> None:
        self.bridge.drop(host)
        for thread in threads:
            thread.web.close()
            thread.main.close()
