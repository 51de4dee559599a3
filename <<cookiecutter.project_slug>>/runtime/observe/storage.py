"""Whether what must last can be written now: the database and DATA_DIR. Only /readyz asks, and the start.

Main tries it by itself: a node with the web alone has nobody else who could, and a worker may be in a long task.
"""

import asyncio
import contextlib
import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from runtime.http.body import write_all
from runtime.shared.log import event
from runtime.shared.plan import Plan, StartError

FRESH = 1.0  # seconds that an answer is good for, however many ask
PATIENCE = 3.0  # seconds for an answer; then that is the answer
LOCKED_FOR = 2.0  # seconds that another writer may hold SQLite before it counts as locked
START_PATIENCE = 60  # seconds that a start waits for PostgreSQL, which may start at the same time
ROOM = 64 * 1024  # bytes that are written to DATA_DIR, and thrown away

type Try = Callable[[], Awaitable[str]]  # gives what is wrong, or ""


class Storage:
    """Database and DATA_DIR of this node."""

    def __init__(self, plan: Plan) -> None:
        self.waits = bool(plan.database_address)
        if plan.database_address:
            database: Try = partial(try_postgresql, plan.database_address)
        else:
            database = partial(asyncio.to_thread, try_sqlite, Path(plan.database_file))
        self.database = Question("the database", database)
        self.folder = Question("DATA_DIR", partial(asyncio.to_thread, try_folder, plan.data_path))

    async def problems(self) -> list[str]:
        """What cannot be written, each with its reason; empty where all can."""
        return [problem for question in (self.database, self.folder) if (problem := await question.ask())]

    async def wait(self) -> None:
        """At a start: return once PostgreSQL answers. Raises StartError where it does not within START_PATIENCE."""
        if not self.waits:
            return
        for second in range(START_PATIENCE):
            if not await self.database.ask():
                return
            if not second:
                event("database_awaited", logging.WARNING, seconds=START_PATIENCE)
            await asyncio.sleep(FRESH)
        raise StartError(f"DATABASE_URL: the database has not answered within {START_PATIENCE} s.")


class Question:
    """Something to try, once at a time: what hangs is not tried again before it has come back."""

    def __init__(self, name: str, attempt: Try) -> None:
        self.name, self.attempt = name, attempt
        self.answer: asyncio.Future[str] | None = None
        self.asked = 0.0
        self.found = ""

    async def ask(self) -> str:
        now = time.monotonic()
        if self.answer is None or (self.answer.done() and now - self.asked > FRESH):
            self.answer, self.asked = asyncio.ensure_future(self._try()), now
        await asyncio.wait([self.answer], timeout=PATIENCE)
        problem = self.answer.result() if self.answer.done() else "no answer"
        return problem and f"{self.name}: {problem}"

    async def _try(self) -> str:
        """What is wrong. A try that gets no memory, beside a task that eats it all, says nothing: then as before."""
        with contextlib.suppress(MemoryError):
            self.found = await self.attempt()
        return self.found


def try_sqlite(path: Path) -> str:
    """Take the lock of the one who writes, and give it back."""
    try:
        address = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, timeout=LOCKED_FOR, isolation_level=None, uri=True)
        with contextlib.closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return str(error)
    return ""


async def try_postgresql(address: str) -> str:
    """Connect anew, as a request or a task may have to. Its own words could tell strangers too much."""
    from psycopg import AsyncConnection, Error

    try:
        async with await AsyncConnection.connect(address, connect_timeout=int(PATIENCE)) as connection:
            found = await connection.execute("SELECT current_setting('transaction_read_only')")
            return "it is read-only" if await found.fetchone() == ("on",) else ""
    except Error:
        return "it cannot be reached"


def try_folder(path: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=path, buffering=0) as file:
            write_all(file, bytearray(ROOM))
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""
