"""The memory guard: what eats memory fails with MemoryError, before the kernel ends the whole process.

    high  80 %   pools do not grow, and those that have run something greedy claim nothing
    full  88 %   the greediest task or request gets a MemoryError, from the watchdog of its interpreter
    wall  95 %   the kernel gives the process no more (RLIMIT_DATA): for what asks for it at once, or in C

RLIMIT_DATA counts what was requested, a container's limit what is in use. So the wall is put up anew at every look: at
what was requested so far, and what is left on top. It stops everybody alike: Granian, which aborts the process when it
gets no memory, has a reserve (server.py).
"""

import asyncio
import contextlib
import logging
import resource
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from runtime.interpreter.host import Host
from runtime.memory_limit import cgroup
from runtime.memory_limit.ledger import Account, Ledger, Use
from runtime.shared import descriptors, heap
from runtime.shared.board import Board, Cell, task_id
from runtime.shared.log import event

HIGH, FULL, WALL = 0.80, 0.88, 0.95  # of the limit
NO_LONGER_HIGH = 0.75
GREEDY = 0.10  # of the limit, taken by one task or request
MOST_AT_START = 0.75  # of the limit, by a server with nothing to do; a lower limit is raised

MOST_A_SECOND = 1e9  # bytes that Python code takes; 0.6 to 0.7 billion were measured, and 2 in C, which the wall stops
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.25  # seconds between two looks
SETTLE = 1.0  # seconds from one MemoryError to the next: what has ended needs a moment to give its memory back
MAIN_THREADS = 4  # of the main interpreter, for what blocks (asyncio.to_thread)
LONGEST_HIGH = 60.0  # seconds; then the process drains and leaves with 75


class MemoryGuard:
    """Looks at the memory of the process, from main's event loop. Does nothing where there is no limit (0)."""

    def __init__(self, limit: int, board: Board, hosts: Collection[Host], worn_out: asyncio.Event) -> None:
        self.limit = min(filter(None, (limit, cgroup.memory_limit())), default=0)
        self.board, self.hosts, self.worn_out = board, hosts, worn_out
        self.greedy_pools: set[str] = set()
        self.is_high = False
        self.told = 0.0  # monotonic seconds of the last MemoryError
        self.high_since = 0.0  # monotonic seconds; 0: it is not, or something greedy accounts for it
        self.next_look: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, once the least of all pools are there."""
        if not self.limit or self.next_look:
            return
        if (least := int(Use.now().resident / MOST_AT_START)) > self.limit:
            event("memory_limit_too_low", logging.WARNING, megabytes=self.limit // 2**20, least=least // 2**20)
            self.limit = least
        event("memory_limit", megabytes=self.limit // 2**20)
        start_threads()
        self.ledger, self.limit_before = Ledger(self.board), resource.getrlimit(resource.RLIMIT_DATA)
        self._look()

    def stop(self) -> None:
        if self.next_look:
            self.next_look.cancel()
            self.next_look = None
            resource.setrlimit(resource.RLIMIT_DATA, self.limit_before)

    def is_full(self) -> bool:
        """Right now, not at the last look."""
        try:
            return 0 < FULL * self.limit < Use.now().resident
        except MemoryError:
            return True

    def _look(self) -> None:
        pause = SHORTEST_PAUSE
        try:
            with contextlib.suppress(MemoryError):  # its own: then the wall has been reached
                pause = self._guard(Use.now())
        finally:
            self.next_look = asyncio.get_running_loop().call_later(pause, self._look)

    def _guard(self, use: Use) -> float:
        """Do what is to be done; returns the seconds until the next look."""
        room = int(WALL * self.limit) - use.resident
        is_full = use.resident > FULL * self.limit
        if room > 0:
            self._put_up_wall(use.requested + room)
        self.ledger.charge(use.resident, self.hosts)
        self._hold(use.resident)
        if is_full:
            self._end_the_greediest()
        self._leave_if_it_lasts(use.resident, is_full)
        return min(max(room / MOST_A_SECOND, SHORTEST_PAUSE), LONGEST_PAUSE)

    def _put_up_wall(self, requested: int) -> None:
        """From here on the process may have requested so much in all; a lower limit from outside stays in force."""
        soft, hard = self.limit_before
        others = (limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_DATA, (min([requested, *others]), hard))

    def _greedy(self) -> list[Account]:
        """What has taken much, the greediest last."""
        accounts = [account for account in self.ledger.accounts.values() if account.taken > GREEDY * self.limit]
        return sorted(accounts, key=lambda account: account.taken)

    def _hold(self, resident: int) -> None:
        """Let pools that have run something greedy claim nothing while memory is high."""
        was_high, self.is_high = self.is_high, resident > (NO_LONGER_HIGH if self.is_high else HIGH) * self.limit
        if was_high != self.is_high:
            event("memory_high" if self.is_high else "memory_no_longer_high", megabytes=resident // 2**20)
        self.greedy_pools |= {account.host.assignment.pool for account in self._greedy()}
        for account in self.ledger.accounts.values():
            account.row[Cell.HELD] = self.is_high and account.host.assignment.pool in self.greedy_pools

    def _end_the_greediest(self) -> None:
        """One at a time, and none twice: it may take a moment, or be in C code, which the wall stops."""
        left = [account for account in self._greedy() if account.row[Cell.TOO_GREEDY] != account.work]
        if not left or time.monotonic() < self.told + SETTLE:
            return
        self.told = time.monotonic()
        host, row = left[-1].host, left[-1].row
        row[Cell.TOO_GREEDY] = left[-1].work
        descriptors.signal(host.assignment.watch)
        what = {} if host.sockets else {"task": task_id(row)}
        event("memory_full", logging.WARNING, interpreter=host.name, **what, megabytes=int(left[-1].taken) // 2**20)

    def _leave_if_it_lasts(self, resident: int, is_full: bool) -> None:
        """Nothing that runs accounts for it, or what does cannot be ended: only a fresh process helps."""
        if not self.is_high or (self._greedy() and not is_full):
            self.high_since = 0.0
        elif not self.high_since:
            self.high_since = time.monotonic()
            heap.trim()
        elif time.monotonic() > self.high_since + LONGEST_HIGH and not self.worn_out.is_set():
            event("memory_stays_high", logging.ERROR, megabytes=resident // 2**20)
            self.worn_out.set()


def start_threads() -> None:
    """Start all threads that main will ever use: one that gets no memory for its first lines hangs who starts it.

    CPython 140746, seen as main replaced an interpreter while a task had eaten all memory.
    """
    executor, all_there = ThreadPoolExecutor(MAIN_THREADS, thread_name_prefix="main"), Barrier(MAIN_THREADS + 1)
    for _ in range(MAIN_THREADS):
        executor.submit(all_there.wait)
    all_there.wait()
    asyncio.get_running_loop().set_default_executor(executor)
