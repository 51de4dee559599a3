"""What each thread of the server does: its stack, what it runs, for how long, and what it waits for.

For people (SIGUSR1), for the log and the rows of what is given up, and for who asks. Main alone asks, on its event loop
(a stack takes it some tenths of a millisecond); while nobody does, nothing of this costs anything.
"""

import asyncio
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from runtime.http.bridge import Bridge
from runtime.interpreter.host import Host
from runtime.observe import dump
from runtime.observe.sight import Sight, Work, collapsed
from runtime.shared import blocked
from runtime.shared.board import Board, Cell, task_id
from runtime.shared.log import event, logger

EVERY = 0.01  # seconds between two samples of a profile


class Stacks:
    def __init__(self, board: Board, bridge: Bridge, hosts: list[Host]) -> None:
        self.board, self.bridge, self.hosts = board, bridge, hosts

    def show(self) -> None:
        started, sights = time.monotonic(), self.all()
        for sight in sights:
            event("stack", **sight.fields(), stack=dump.in_text(sight.stack))
        event("stacks_shown", threads=len(sights), seconds=round(time.monotonic() - started, 3))

    def show_late_requests(self, threads: Iterable[tuple[Host, int]]) -> None:
        """Log what the web threads do whose clients were told 504; by interpreter and number of the thread."""
        for host, index in threads:
            if sight := self._of_seat(host.assignment.seats[index]):
                event("request_timed_out", logging.WARNING, **sight.fields(), stack=dump.in_text(sight.stack))

    def all(self) -> list[Sight]:
        """Every thread that runs Python, those of interpreters that were written off among them."""
        seats = {row[Cell.THREAD]: number for number, row in self._taken().items()}
        threads = sorted(int(name) for name in os.listdir("/proc/self/task"))
        return [sight for thread in threads if (sight := self._look(thread, seats.get(thread)))]

    def of_host(self, host: Host) -> list[Sight]:
        """The threads of an interpreter that run something."""
        return [sight for sight in self.of_seats(host.assignment.seats) if sight.work.since]

    def of_seats(self, seats: Iterable[int]) -> list[Sight]:
        """The threads that sit there, whatever they do."""
        return [sight for seat in seats if (sight := self._of_seat(seat))]

    def of_thread(self, thread: threading.Thread | None) -> list[Sight]:
        """A thread that sits nowhere; as a list."""
        sight = self._look(thread.native_id, None) if thread and thread.native_id else None
        return [sight] if sight else []

    def of_task(self, task: str) -> Sight | None:
        """The thread that runs this task; None where none does."""
        seat = self._seat_with(task)
        sight = self._of_seat(seat) if seat is not None else None
        return sight if sight and sight.work.task == task.replace("-", "") else None

    async def profile(self, task: str, seconds: float, every: float = EVERY) -> str:
        """Where a task spends its time, until it ends or `seconds` are over: how often each stack was seen.

        A line for each, the most frequent first: "outer;inner 12", which is what programs for flame graphs read.
        """
        seen: Counter[str] = Counter()
        end = time.monotonic() + seconds
        while (seat := self._seat_with(task)) is not None and time.monotonic() < end:
            stack = dump.stack_of(self.board.seat(seat)[Cell.THREAD])
            if stack and self._seat_with(task) == seat:
                seen[collapsed(stack)] += 1
            await asyncio.sleep(every)
        return "".join(f"{stack} {number}\n" for stack, number in seen.most_common())

    def _of_seat(self, seat: int) -> Sight | None:
        thread = self.board.seat(seat)[Cell.THREAD]
        return self._look(thread, seat) if thread else None

    def _look(self, thread: int, seat: int | None) -> Sight | None:
        try:
            work = self.work_of(seat)
            waits = blocked.in_words(thread)  # first: the signal wakes it
            if (stack := dump.stack_of(thread)) is None:
                return None
            if work != self.work_of(seat):  # the stack may be that of what came next
                work = Work()
            return Sight(self._name(thread, seat), thread, work, waits, stack)
        except Exception:  # of whatever kind: an interpreter is given up also where its stack cannot be had
            logger.exception("the stack of the thread %s could not be taken", thread)
            return None

    def _taken(self) -> dict[int, memoryview]:
        """The seats on which a thread sits."""
        rows = {number: self.board.seat(number) for number in range(self.board.seats)}
        return {number: row for number, row in rows.items() if row[Cell.THREAD]}

    def _seat_with(self, task: str) -> int | None:
        """Where a task runs: the latest, as an interpreter that was written off may run an earlier attempt for ever."""
        rows = self._taken()
        running = [seat for seat, row in rows.items() if row[Cell.BUSY_SINCE] and task_id(row) == task.replace("-", "")]
        return max(running, key=lambda seat: rows[seat][Cell.BUSY_SINCE], default=None)

    def work_of(self, seat: int | None) -> Work:
        """What runs there."""
        if seat is None or not (row := self.board.seat(seat))[Cell.BUSY_SINCE]:
            return Work()
        task = task_id(row) if row[Cell.TASK_HIGH] or row[Cell.TASK_LOW] else ""
        host, index = self._place(seat)
        return Work(row[Cell.BUSY_SINCE], task, self.bridge.request_of(host, index))

    def _place(self, seat: int | None) -> tuple[Host | None, int]:
        """The interpreter and the number of its thread; None where it was written off."""
        for host in self.hosts:
            if seat in host.assignment.seats:
                return host, host.assignment.seats.index(seat)
        return None, 0

    def _name(self, thread: int, seat: int | None) -> str:
        host, index = self._place(seat)
        if host:
            return f"{host.name}.{index + 1}" if index else host.name
        return "main" if thread == os.getpid() else _name_in_kernel(thread)


def _name_in_kernel(thread: int) -> str:
    """The first fifteen bytes of a thread's name."""
    try:
        return Path(f"/proc/self/task/{thread}/comm").read_text().strip()
    except OSError:
        return "?"
