"""The faults of benchmarks/soak.py: each makes one happen, and opens a window for what clients may see of it."""

import asyncio
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.soak import World

LOCKED = 2.0  # seconds
CROWD = 1300  # requests at once: a thousand may wait


def kill(world: World) -> None:
    """kill -9 of the whole process."""
    world.expected_deaths += 1
    world.open(0)
    world.process.send_signal(signal.SIGKILL)


def deadly_task(world: World) -> None:
    """A task that kills the process each time it runs: three times."""
    world.expected_deaths += 3
    world.open(0)
    world.enqueue("kill_the_process", 0)


def fail(way: str, world: World) -> None:
    world.enqueue("fail", way, kind=way)


def outlast(way: str, world: World) -> None:
    world.enqueue("outlast", way, kind="TaskTimeout")


def break_the_loop(world: World) -> None:
    """An interpreter of the workers dies with its next task."""
    world.enqueue("break_the_loop", 0)


def request_without_end(way: str, world: World) -> None:
    threading.Thread(target=world.ask, args=("GET", f"/bench/endless/{way}")).start()


def web_interpreter_dies(world: World) -> None:
    world.ask("GET", "/bench/leave")


def database_locked(world: World) -> None:
    """By another process, for two seconds."""
    with closing(sqlite3.connect(world.folder / "db.sqlite3", timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(LOCKED)
        connection.execute("ROLLBACK")


def crowd(world: World) -> None:
    """More requests at once than may wait. The later ones get a 503 at once, the others an answer, or a 503 late."""
    window = world.open(503)
    statuses = asyncio.run(_crowd(world.port))
    window.end = time.time() + 0.5
    dead = any(0 in other.statuses and other.end > window.start for other in world.windows)  # the process was away
    if not dead and (wrong := [status for status in statuses if status not in ("200", "503")]):
        world.problems.append(f"in a crowd: {wrong[:5]} ({len(wrong)} of {len(statuses)})")
    if not dead and "503" not in statuses:
        world.problems.append("no request of a crowd was turned away")


async def _crowd(port: int) -> list[str]:
    return await asyncio.gather(*(_ask(port) for _ in range(CROWD)))


async def _ask(port: int) -> str:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /bench/sleep/5 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
    except OSError as error:
        return repr(error)
    status = answer[9:12]
    return status if status != "503" or "retry-after" in answer.lower() else "503 without Retry-After"


FAULTS: dict[str, Callable[[World], None]] = {
    "kill": kill,
    "deadly task": deadly_task,
    **{way: partial(fail, way) for way in ("KeyError", "SystemExit", "MemoryError", "RecursionError")},
    **{f"timeout: {way}": partial(outlast, way) for way in ("python", "statement", "socket", "child", "c")},
    "a worker's loop breaks": break_the_loop,
    "a request without end, Python": partial(request_without_end, "python"),
    "a request without end, C": partial(request_without_end, "c"),
    "a web interpreter dies": web_interpreter_dies,
    "database locked": database_locked,
    "a crowd": crowd,
}

# The process survives these, and no interpreter is stuck afterwards.
SURVIVED = [name for name in FAULTS if name not in ("kill", "deadly task") and not name.endswith((": c", ", C"))]
