"""The web beside what must not slow it down: p50, p99 and requests a second (needs wrk).

    python -m benchmarks.web_beside tasks [SECONDS]     two tasks of endless Python in the server, and in turns with
                                                        them the same two loops in processes of their own
    python -m benchmarks.web_beside slow [SECONDS]      nobody else, and in turns with that 200 connections that say
                                                        nothing and 50 clients that send a byte a second

Two views, three rounds of 4 s each: a minute and a half. The ratios are medians of those within a round.
"""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from benchmarks.server import Server, get, running
from benchmarks.web import ROUNDS, ratio
from benchmarks.wrk import Load, show, wrk

VIEWS = {"hello": "/bench/hello", "one ORM read": "/bench/query"}
TASKS, IDLE, SLOW = 2, 200, 50
LOOP = "import time\nend, turns = time.monotonic() + {}, 0\nwhile time.monotonic() < end:\n    turns += 1"

type Beside = Callable[[Server, float], AbstractContextManager[None]]


@contextlib.contextmanager
def nobody(server: Server, seconds: float) -> Iterator[None]:
    yield


@contextlib.contextmanager
def tasks(server: Server, seconds: float) -> Iterator[None]:
    """Tasks of endless Python in the server, for so long at least."""
    get(f"{server.url}/bench/busy/{TASKS}/{seconds + 2:.0f}")
    wait_for_running(server, TASKS)
    yield
    wait_for_running(server, 0)


def wait_for_running(server: Server, number: int) -> None:
    line = f'queue_running{{queue="default"}} {number:.1f}\n'
    while line not in get(f"{server.url}/metrics").decode():
        time.sleep(0.05)


@contextlib.contextmanager
def processes(server: Server, seconds: float) -> Iterator[None]:
    """The same loops in processes of their own."""
    command = [sys.executable, "-c", LOOP.format(seconds + 2)]
    loops = [subprocess.Popen(command) for _ in range(TASKS)]
    yield
    for loop in loops:
        loop.wait()


@contextlib.contextmanager
def slow_clients(server: Server, seconds: float) -> Iterator[None]:
    """Connections on which nothing happens, and clients that send their head or their body a byte at a time."""
    address, stop = urlsplit(server.url), threading.Event()
    place = (str(address.hostname), int(address.port or 0))
    hello = b"GET /bench/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"GET /bench/hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
    body = b"POST /bench/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    with contextlib.ExitStack() as stack:
        ends = [stack.enter_context(socket.create_connection(place)) for _ in range(IDLE + SLOW)]
        for number, end in enumerate(ends):
            end.sendall(hello if number < IDLE else head if number % 2 else body)
        for end in ends[:IDLE]:
            end.recv(10_000)
        dripping = threading.Thread(target=drip, args=(ends[IDLE:], stop))
        dripping.start()
        try:
            yield
        finally:
            stop.set()
            dripping.join()


def drip(ends: list[socket.socket], stop: threading.Event) -> None:
    while not stop.wait(1):
        for end in ends:
            end.sendall(b"x")


def measure(server: Server, kinds: dict[str, Beside], seconds: float) -> dict[tuple[str, str], list[Load]]:
    found: dict[tuple[str, str], list[Load]] = {(view, kind): [] for view in VIEWS for kind in kinds}
    for number in range(1, ROUNDS + 1):
        for kind, beside in kinds.items():
            with beside(server, seconds * len(VIEWS)):
                for view, path in VIEWS.items():
                    found[view, kind].append(wrk(server.url + path, 8, seconds))
            print(f"  round {number}: {kind}", flush=True)
    return found


def main(what: str, seconds: float = 4) -> None:
    kinds: dict[str, Beside] = (
        {"tasks in two processes": processes, "tasks in the server": tasks}
        if what == "tasks"
        else {"alone": nobody, f"{IDLE} idle, {SLOW} slow": slow_clients}
    )
    with running(WEB_INTERPRETERS="2", WEB_THREADS="2", BENCHMARK_WORKERS=str(TASKS)) as server:
        for path in VIEWS.values():
            wrk(server.url + path, 8, 1)  # warm
        found = measure(server, kinds, seconds)
    for (view, kind), rounds in found.items():
        show(f"{view}, {kind}", rounds)
    before, after = kinds
    for view in VIEWS:
        print(f"{view}: p99 × {ratio(found[view, after], found[view, before], 'p99'):.2f}", end="")
        print(f", requests/s × {ratio(found[view, after], found[view, before], 'rate'):.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] not in (["tasks"], ["slow"]):
        sys.exit(__doc__)
    main(sys.argv[1], *(float(word) for word in sys.argv[2:]))
