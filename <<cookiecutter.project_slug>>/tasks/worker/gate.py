"""The gate that every task passes before it runs: a suspect runs alone.

A suspect is a task whose next death would be the last (recovery.py): with it the process, or its interpreter, has died
twice. It waits for a moment at which nothing else runs on this node, and nothing else begins beside it. So a third
death is its own doing, and costs nobody else an attempt. Once it has run for HOLD seconds without killing anybody, it
holds nobody off any more.
"""

import time

from runtime.interpreter.inside import Seat
from runtime.shared.board import Cell
from tasks.table.recovery import MOST_DEATHS

DEATHS_OF_A_SUSPECT = MOST_DEATHS - 1
HOLD = 60.0  # seconds

OUTSIDE, RUNS, ALONE = range(3)  # in Cell.GATE


class Gate:
    """One thread's way in and out."""

    def __init__(self, seat: Seat) -> None:
        self.board, self.row, self.number = seat.board, seat.row, seat.number

    def enter(self, deaths: int) -> bool:
        """Whether a task with so many deaths may run now. Everybody writes first and reads then: one sees the other."""
        is_suspect = deaths >= DEATHS_OF_A_SUSPECT
        self.row[Cell.GATE] = ALONE if is_suspect else RUNS
        others = self.board.column(Cell.GATE)
        others[self.number] = OUTSIDE
        if (is_suspect and any(others)) or (ALONE in others and not self.is_open()):
            self.leave()
            return False
        return True

    def leave(self) -> None:
        self.row[Cell.GATE] = OUTSIDE

    def is_open(self) -> bool:
        """Whether nobody else runs alone."""
        since = time.monotonic_ns() - int(HOLD * 1e9)
        return not any(
            state == ALONE and seat != self.number and not 0 < self.board.seat(seat)[Cell.BUSY_SINCE] < since
            for seat, state in enumerate(self.board.column(Cell.GATE))
        )
