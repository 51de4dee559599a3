"""One request through `Exchange`, as the bridge sees it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from runtime.http.waiting_room import WaitingRoom
from runtime.shared import frames
from runtime.shared.board import Cell
from runtime.shared.proxies import Proxies
from runtime.web.channel import Channel
from runtime.web.wsgi import Application, Exchange
from tests.runtime.make import make_request

LAST = (frames.WHOLE, frames.FILE, frames.END, frames.BROKEN)


@dataclass
class Answer:
    """What came back."""

    frames: list[tuple[Any, ...]]

    @property
    def kinds(self) -> list[int]:
        return [frame[0] for frame in self.frames]

    @property
    def status(self) -> int:
        return int(self.frames[0][1])

    @property
    def headers(self) -> frames.Headers:
        found: frames.Headers = self.frames[0][2]
        return found

    @property
    def body(self) -> bytes:
        if self.frames[0][0] == frames.WHOLE:
            return bytes(self.frames[0][3])
        return b"".join(frame[1] for frame in self.frames if frame[0] == frames.CHUNK)


class Guard:
    """What a request's watchdog is told."""

    def __init__(self, on_head: Callable[[], None] | None = None) -> None:
        self.relieve = on_head or (lambda: None)

    def hold(self, held: bool) -> None: ...


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket, Channel]]:
    """Main's ends, of the web thread's socket and of the waiting room's; and the web thread's."""
    room = WaitingRoom()
    (main, web), row = frames.pair(), memoryview(bytearray(8 * len(Cell))).cast("q")
    main.setblocking(True)
    with main, web, closing(room), closing(Channel(web.fileno(), room.web.fileno(), row)) as channel:
        yield main, room.main, channel


def ask(
    application: Application, client_leaves_after: int = -1, on_head: Callable[[], None] | None = None, **request: Any
) -> Answer:
    """Run the application on a request; the client may leave after so many frames."""
    received: list[tuple[Any, ...]] = []
    with connected() as (main, _, channel):
        main.send(frames.pack(make_request(**request)))
        exchange = Exchange(channel, channel.receive() or (), Proxies(), Guard(on_head))
        thread = threading.Thread(target=_answer, args=(exchange, application))
        thread.start()
        while not received or received[-1][0] not in LAST:
            frame = frames.unpack(main.recv(frames.FRAME_SIZE))
            received.append(frame[:-2] if frame[0] in LAST else frame)  # without numbers
            if len(received) == client_leaves_after:
                channel.row[Cell.GONE] = channel.number
        thread.join()
        main.setblocking(False)
        assert _nothing_left(main), "a frame came after the last one"
    return Answer(received)


def _answer(exchange: Exchange, application: Application) -> None:
    """As the loop of a web thread does (runtime/web/loop.py)."""
    exchange.run(application)
    exchange.end()


def _nothing_left(main: Any) -> bool:
    try:
        return not main.recv(1)
    except BlockingIOError:
        return True


class Parts:
    """A body whose close() is remembered; `error` is raised after the last part, `error_at_close` by close()."""

    def __init__(self, *parts: bytes, error: Exception | None = None, error_at_close: Exception | None = None) -> None:
        self.parts, self.error, self.error_at_close = iter(parts), error, error_at_close
        self.closed = 0

    def __iter__(self) -> Parts:
        return self

    def __next__(self) -> bytes:
        for part in self.parts:
            return part
        if self.error:
            raise self.error
        raise StopIteration

    def close(self) -> None:
        self.closed += 1
        if self.error_at_close:
            raise self.error_at_close


def answering(result: Any, status: str = "200 OK", headers: frames.Headers | None = None) -> Application:
    """An application that answers with this body."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, [("Content-Type", "text/plain")] if headers is None else headers)
        return result

    return application
