"""The other nodes on the same PostgreSQL: main hears what they announce, and shows them that this node lives.

One connection, from before the first worker starts until the process ends. Its session holds an advisory lock on the id
of this boot, and PostgreSQL frees it when the process or its machine is gone: a boot without its lock is dead
(tasks/house/nodes.py). The connection is main's because main outlives every worker, through the last seconds of a stop
too, and because no task that holds the GIL of an isolated interpreter keeps main from making it again.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from runtime.shared.log import event
from runtime.shared.plan import Plan

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

CHANNEL = "tasks"

# Either side notices after 3 + 2 * 2 = 7 seconds that the other one is gone without a word. With the pause below and
# the time to connect this must stay under nodes.LOOK_EVERY (tasks/house): who lives is back before being missed twice.
IDLE, INTERVAL, PROBES = 3, 2, 2
CONNECT_TIMEOUT = 3  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds before the connection is made again, doubled each time

KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": IDLE,
    "keepalives_interval": INTERVAL,
    "keepalives_count": PROBES,
    "tcp_user_timeout": (IDLE + INTERVAL * PROBES) * 1000,
    "connect_timeout": CONNECT_TIMEOUT,
}
INTRODUCTION = f"""
SET idle_session_timeout = 0;
SET tcp_keepalives_idle = {IDLE}; SET tcp_keepalives_interval = {INTERVAL}; SET tcp_keepalives_count = {PROBES};
SET tcp_user_timeout = {(IDLE + INTERVAL * PROBES) * 1000};
SELECT pg_advisory_lock_shared({{lock}});
LISTEN {CHANNEL};
SELECT pg_notify('{CHANNEL}', '{{boot}} 1 - due');
"""

ANNOUNCEMENT = re.compile(r"(?P<sender>\S+) (?P<number>\d{1,9}) \S+ (?P<message>.+)")  # tasks/table/wakeup.py writes it


def lock_of(boot: str) -> int:
    """The number of the advisory lock that stands for a boot: 56 bits, so it is no small one of the project's own."""
    return int.from_bytes(blake2b(boot.encode(), digest_size=7).digest())


class Peers:
    """Stays connected, where there can be other nodes and this one has workers that can hold tasks."""

    def __init__(self, plan: Plan, boot: str, pass_on: Callable[[str, int], None]) -> None:
        self.boot, self.pass_on = boot, pass_on
        self.address = plan.database_address if "workers" in plan.roles else ""
        self.connected, self.is_away = asyncio.Event(), False
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once the other nodes can see that this one lives: its workers may hold tasks from then on."""
        if self.address and self.task is None:
            self.task = asyncio.create_task(self._stay_connected())
            await self.connected.wait()

    async def stop(self) -> None:
        """Leave, once no worker holds a task any more."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None

    async def _stay_connected(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                from psycopg import AsyncConnection  # a server on SQLite does without

                connection = await AsyncConnection.connect(self.address, autocommit=True, **KEEPALIVE)
                try:
                    await connection.execute(INTRODUCTION.format(lock=lock_of(self.boot), boot=self.boot).encode())
                    pause = FIRST_PAUSE
                    self._came_back()
                    await self._hear(connection.pgconn)
                finally:
                    await connection.close()
            except Exception as error:
                self._went_away(error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _came_back(self) -> None:
        self.is_away = False
        self.connected.set()
        event("nodes_connected")
        self.pass_on("due", 1)  # the housekeeper looks once at what was announced meanwhile

    def _went_away(self, error: Exception) -> None:
        if not self.is_away:  # said once, however long it lasts
            event("nodes_disconnected", logging.WARNING, error=" ".join(str(error).split()))
        self.is_away = True
        self.connected.clear()

    async def _hear(self, pgconn: PGconn) -> None:
        """Pass on what is announced until the connection breaks. psycopg's own wait would look ten times a second."""
        loop, descriptor = asyncio.get_running_loop(), pgconn.socket
        broken: asyncio.Future[None] = loop.create_future()

        def read() -> None:
            try:
                pgconn.consume_input()
                while notification := pgconn.notifies():
                    self._take(notification.extra.decode())
            except Exception as error:
                loop.remove_reader(descriptor)
                if not broken.done():
                    broken.set_exception(error)

        loop.add_reader(descriptor, read)
        try:
            await broken
        finally:
            loop.remove_reader(descriptor)

    def _take(self, announcement: str) -> None:
        found = ANNOUNCEMENT.fullmatch(announcement)
        if found and found["sender"] != self.boot:  # this node's own workers were woken by the descriptor
            self.pass_on(found["message"], int(found["number"]))
