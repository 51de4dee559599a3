"""Threads that stand still where they have no reason to: their loop does not come round, and no task or request runs.

A thread says on the board by when it will have moved (Cell.MOVES_BY): a moment from now while it does the server's own
work, and nothing (0) while it sleeps, waits for the database, or runs a task or a request: those have limits of their
own. Main looks four times a second, and a thread is found at the third look at which it is overdue and has not moved.

It is no fault to be slow, so these prove nothing:

    main was late itself         the machine is busy, or was asleep: the count begins anew
    a neighbour works            with what it began before: it may hold their GIL, in C
"""

import time
from collections.abc import Iterable

from runtime.board import Board, Cell
from runtime.host import Host

LOOKS = 3  # in a row, on time
LATE = 0.4  # seconds from one look to the next, of which there should be one every overrun.LOOK_EVERY (0.25)


class Stillness:
    """What main remembers from one look to the next."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.looked = 0  # monotonic ns of the last look
        self.seen: dict[int, tuple[int, int]] = {}  # seat → its MOVES_BY, and the looks that have found it like this

    def look(self, hosts: Iterable[Host], now: int | None = None) -> list[tuple[Host, list[int]]]:
        """The hosts with threads that stand still, and these threads' seats."""
        now = now or time.monotonic_ns()
        before = self.seen if now - self.looked < LATE * 1e9 else {}
        self.looked, self.seen = now, {}
        for host in hosts:
            self.seen |= {seat: self._count(before.get(seat), limit) for seat, limit in self._overdue(host, now)}
        found = [(host, [seat for seat in self.seats_of(host) if self._is_found(seat)]) for host in hosts]
        return [(host, seats) for host, seats in found if seats]

    def seats_of(self, host: Host) -> tuple[int, ...]:
        """Its threads' and, where it keeps house, the housekeeper's."""
        assignment = host.assignment
        return assignment.seats + ((self.board.housekeeper_seat,) if assignment.housekeeper else ())

    def _overdue(self, host: Host, now: int) -> list[tuple[int, int]]:
        limits = [(seat, self.board.seat(seat)[Cell.MOVES_BY]) for seat in self.seats_of(host)]
        begun = [since for seat in host.assignment.seats if (since := self.board.seat(seat)[Cell.BUSY_SINCE])]
        return [(seat, limit) for seat, limit in limits if 0 < limit < now and not any(at < limit for at in begun)]

    def _count(self, before: tuple[int, int] | None, limit: int) -> tuple[int, int]:
        return limit, before[1] + 1 if before and before[0] == limit else 1

    def _is_found(self, seat: int) -> bool:
        return self.seen.get(seat, (0, 0))[1] >= LOOKS
