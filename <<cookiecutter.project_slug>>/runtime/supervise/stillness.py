"""Threads that stand still where they have no reason to: their loop does not come round, and no task or request runs.

A thread says on the board by when it will have moved (Cell.MOVES_BY): a moment from now while it does the server's own
work, and nothing (0) while it sleeps, waits for the database, or runs a task or a request: those have limits of their
own. Main looks four times a second, and a thread is found at the third look at which it is overdue and has not moved.

It is no fault to be slow, so these prove nothing:

    main was late itself         the machine is busy, or was asleep: the looks are counted anew
    it gets no processor, or     such a look does not count
    waits for the disk
    a neighbour works            with what it began before: it may hold their GIL, in C
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runtime.interpreter.host import Host
from runtime.shared.board import Board, Cell

LOOKS = 3  # in a row, on time
LATE = 0.4  # seconds from one look to the next, of which there should be one every overrun.LOOK_EVERY (0.25)

RUNS, SLEEPS = "R", "S"  # a thread's state, as the kernel has it; D is waiting for the disk


@dataclass(frozen=True, slots=True)
class Found:
    """A thread that is overdue."""

    limit: int  # its MOVES_BY
    looks: int  # that have found it like this
    ticks: int  # of a processor that it has had


class Stillness:
    """What main remembers from one look to the next."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.looked = 0  # monotonic ns of the last look
        self.seen: dict[int, Found] = {}  # by seat

    def look(self, hosts: Iterable[Host], now: int | None = None) -> list[tuple[Host, list[int]]]:
        """The hosts with threads that stand still, and these threads' seats."""
        now = now or time.monotonic_ns()
        before = self.seen if now - self.looked < LATE * 1e9 else {}
        self.looked, self.seen = now, {}
        for host in hosts:
            self.seen |= {seat: self._see(seat, limit, before.get(seat)) for seat, limit in self._overdue(host, now)}
        still = {seat for seat, found in self.seen.items() if found.looks >= LOOKS}
        return [(host, seats) for host in hosts if (seats := [seat for seat in self.seats_of(host) if seat in still])]

    def seats_of(self, host: Host) -> tuple[int, ...]:
        """Its threads' and, where it keeps house, the housekeeper's."""
        assignment = host.assignment
        return assignment.seats + ((self.board.housekeeper_seat,) if assignment.housekeeper else ())

    def _overdue(self, host: Host, now: int) -> list[tuple[int, int]]:
        limits = [(seat, self.board.seat(seat)[Cell.MOVES_BY]) for seat in self.seats_of(host)]
        return [(seat, by) for seat, by in limits if 0 < by < now and not self._has_neighbour_at_work(host, seat, by)]

    def _has_neighbour_at_work(self, host: Host, seat: int, since: int) -> bool:
        others = (self.board.seat(other) for other in host.assignment.seats if other != seat)
        return any(0 < row[Cell.BUSY_SINCE] < since for row in others)

    def _see(self, seat: int, limit: int, before: Found | None) -> Found:
        state, ticks = processor_of(self.board.seat(seat)[Cell.THREAD])
        if before is None or before.limit != limit:
            return Found(limit, 1, ticks)
        could_move = state == SLEEPS or (state == RUNS and ticks > before.ticks)
        return Found(limit, before.looks + could_move, ticks)


def processor_of(thread: int) -> tuple[str, int]:
    """The state of one of this process's threads, and how long it has run; one that is no more sleeps."""
    try:
        fields = Path(f"/proc/self/task/{thread}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return SLEEPS, 0
    return fields[0], int(fields[11]) + int(fields[12])
