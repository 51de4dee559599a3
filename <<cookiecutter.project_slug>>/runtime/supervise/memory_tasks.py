"""Main's part in the tasks of memory queues: at a stop it sees that they are run, and it says which are lost."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runtime.interpreter.host import Host
from runtime.shared.board import Cell, task_id
from runtime.shared.log import event

if TYPE_CHECKING:
    from runtime.shared.memory_queue import Letter
    from runtime.supervise.supervisor import Supervisor

LOOK_EVERY = 0.05  # seconds, at a stop
LAST_MOMENT = 0.5  # seconds before the end of the budget: those that have nothing to do are to be closed by then


class MemoryTasks:
    """A part of the supervisor. Does nothing where no memory queue is configured."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self.board, self.queues = supervisor, supervisor.board, supervisor.wakeups.memory

    def let_drain(self, host: Host, *, drains: bool = True) -> None:
        """When this host is asked to leave, it runs what waits in memory first. Only at a stop: else others go on."""
        for row in self._rows(host):
            row[Cell.DRAINS] = bool(self.queues) and drains

    async def drain(self, deadline: float) -> None:
        """Return once nothing waits, and nothing runs that could enqueue more; then the workers may leave."""
        while self.queues and time.monotonic() < deadline - LAST_MOMENT and not self._is_quiet():
            self._start_where_nobody_is()
            await asyncio.sleep(LOOK_EVERY)
        for host in self.supervisor.hosts:
            self.let_drain(host, drains=False)

    def lose(self, host: Host, reason: str, given_up: dict[str, str] | None = None) -> None:
        """Tell of the tasks that a host had in hand: all where it has died, else the ones `given_up` (id: outcome).

        Those keep their places: their threads may come back to them.
        """
        for row in self._rows(host):
            outcome = "lost" if given_up is None else given_up.get(task_id(row))
            if not row[Cell.LETTER] or not outcome:
                continue
            place = row[Cell.LETTER] - 1
            queue = next(queue for queue in self.queues.values() if place in queue.places)
            letter = queue.read(place)
            self.board.count_outcome(self.board.main_seat, letter.queue, outcome)
            self._tell([letter], reason, interpreter=host.name)
            if given_up is None:
                row[Cell.LETTER] = 0
                queue.clear(place)

    def lose_all(self) -> None:
        """Tell, at the end, of what has not been run, or not to its end."""
        letters = [queue.read(place) for queue in self.queues.values() for place in iter(queue.take, None)]
        places = [row[Cell.LETTER] - 1 for host in self.supervisor.hosts for row in self._rows(host)]
        letters += [queue.read(place) for queue in self.queues.values() for place in places if place in queue.places]
        if letters:
            self._tell(letters, "the server has stopped")

    def _tell(self, letters: list[Letter], reason: str, **fields: str) -> None:
        names = Counter(letter.task for letter in letters)
        tasks = ", ".join(f"{name} ({number})" for name, number in names.items())
        event("memory_tasks_lost", logging.ERROR, number=len(letters), tasks=tasks, reason=reason, **fields)

    def _is_quiet(self) -> bool:
        workers = (host for host in self.supervisor.hosts if not host.sockets)
        waiting = sum(map(self._waiting, self.queues))
        return not waiting and not any(row[Cell.BUSY_SINCE] for host in workers for row in self._rows(host))

    def _start_where_nobody_is(self) -> None:
        """A pool that was at zero has got a task after the stop began."""
        served = {host.assignment.pool for host in self.supervisor.hosts}
        for pool in self.supervisor.plan.workers:
            if pool.name not in served and any(self._waiting(name) for name in pool.queues if name in self.queues):
                host = self.supervisor.place(pool)
                self.let_drain(host)
                host.stop()
                self.supervisor.in_background(self.supervisor.start_host(host))

    def _waiting(self, queue: str) -> int:
        """How many may be run: none of a paused queue."""
        return 0 if self.board.is_paused(queue) else self.queues[queue].number_waiting

    def _rows(self, host: Host) -> Iterator[memoryview]:
        return (self.board.seat(seat) for seat in host.assignment.seats)
