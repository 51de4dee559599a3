"""Worker pools between their least and their most: one interpreter more while tasks wait, one less after idle time."""

import asyncio
import time
from collections.abc import Callable

from runtime.interpreter.host import Host
from runtime.shared import descriptors
from runtime.shared.board import Board, Cell
from runtime.shared.log import logger
from runtime.shared.plan import WorkerPool

LOOK_EVERY = 0.25  # seconds between two looks at the pools; one that is at zero is woken by its queues instead


class Scaling:
    """Decides; the supervisor starts and stops. `signals` gives the descriptors that tell of tasks in some queues."""

    def __init__(
        self,
        board: Board,
        signals: Callable[[tuple[str, ...]], list[int]],
        hosts: Callable[[WorkerPool], list[Host]],
        may_grow: Callable[[], bool] = lambda: True,
    ) -> None:
        self.board, self.signals, self.hosts, self.may_grow = board, signals, hosts, may_grow
        self.pools: list[WorkerPool] = []
        self.next_look: asyncio.TimerHandle | None = None

    def start(
        self, pools: list[WorkerPool], grow: Callable[[WorkerPool], None], shrink: Callable[[Host], None]
    ) -> None:
        """Look after those of the pools whose size may change, from now on."""
        self.stop()
        self.grow, self.shrink = grow, shrink
        self.pools = [pool for pool in pools if pool.count[0] < pool.count[1]]
        self.loop = asyncio.get_running_loop()
        for pool in self.pools:
            self.watch(pool)
        self._look()

    def stop(self) -> None:
        for pool in self.pools:
            self._unwatch(pool)
        self.pools = []
        if self.next_look:
            self.next_look.cancel()

    def watch(self, pool: WorkerPool) -> None:
        """Wake the pool by its queues while nobody in it can be woken."""
        if pool in self.pools and not self.hosts(pool):
            for descriptor in self.signals(pool.queues):
                self.loop.add_reader(descriptor, self._wake, pool)

    def _wake(self, pool: WorkerPool) -> None:
        self._unwatch(pool)
        if self.may_grow():  # else at one of the looks to come
            self.grow(pool)

    def _unwatch(self, pool: WorkerPool) -> None:
        for descriptor in self.signals(pool.queues):
            self.loop.remove_reader(descriptor)

    def _look(self) -> None:
        for pool in self.pools:
            try:
                self._look_at(pool)
            except OSError as error:  # no descriptor is free: clients may have them all
                logger.error("%s cannot grow just now: %s", pool.name, error)
        if self.pools:
            self.next_look = self.loop.call_later(LOOK_EVERY, self._look)

    def _look_at(self, pool: WorkerPool) -> None:
        hosts = self.hosts(pool)
        if self._tasks_wait(pool):
            if not hosts:
                self._wake(pool)  # another pool at zero has the reader of a queue that they share
            elif len(hosts) < pool.count[1] and self.may_grow() and all(map(self._is_busy, hosts)):
                self.grow(pool)
        elif len(hosts) > pool.count[0] and (idle := self._idle_for(pool, hosts)):
            self.shrink(idle)

    def _tasks_wait(self, pool: WorkerPool) -> bool:
        return bool(descriptors.poll_of(self.signals(pool.queues)).poll(0))

    def _is_busy(self, host: Host) -> bool:
        return host.ready and all(self.board.seat(seat)[Cell.BUSY_SINCE] for seat in host.assignment.seats)

    def _idle_for(self, pool: WorkerPool, hosts: list[Host]) -> Host | None:
        """The youngest interpreter of the pool in which nothing has happened for the pool's idle time.

        Not the one that keeps house, which is the youngest once it has been started again.
        """
        since = time.monotonic_ns() - int(pool.idle * 1e9)
        for host in reversed(hosts):
            rows = [self.board.seat(seat) for seat in host.assignment.seats]
            rests = not any(row[Cell.BUSY_SINCE] or row[Cell.ALIVE] > since for row in rows)
            if host.ready and rests and not host.assignment.housekeeper:
                return host
        return None
