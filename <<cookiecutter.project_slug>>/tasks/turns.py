"""Turns at SQLite's one lock for writing: whoever finds it taken sleeps in SQLite for a millisecond and more.

That is longer than two tasks that do nothing take. So a worker thread shows on the board that it writes, and the others
look every few microseconds. This is a courtesy and no lock: a thread that dies while it writes holds nobody up for
longer than LOOKS, and two that begin at the same moment meet in SQLite.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from runtime.board import Cell
from runtime.inside import Seat

LOOKS, PAUSE = 30, 0.00001  # the pause, in seconds, is some 60 microseconds longer: the kernel's timers are as coarse


@contextmanager
def turn(seat: Seat) -> Iterator[None]:
    for _ in range(LOOKS):
        if not any(seat.board.column(Cell.WRITING)):
            break
        time.sleep(PAUSE)
    seat.row[Cell.WRITING] = 1
    try:
        yield
    finally:
        seat.row[Cell.WRITING] = 0
