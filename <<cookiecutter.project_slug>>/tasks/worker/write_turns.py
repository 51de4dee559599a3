"""Turns at SQLite's one lock for writing: whoever finds it taken sleeps in SQLite for a millisecond and more.

That is longer than two tasks that do nothing take. So a worker thread that writes a success, and takes the next task
with it, shows that on the board, and the others look until it has written. This is a courtesy and no lock: a thread
that dies while it writes holds nobody up for longer than LOOKS, and two that begin at the same moment meet in SQLite.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runtime.interpreter.inside import Seat
from runtime.shared.board import Cell

LOOKS = 1000  # each lets others have the processor, and takes 2 to 3 microseconds; a write takes 200


@contextmanager
def turn(seat: Seat) -> Iterator[None]:
    """The block is to be one write, short."""
    for _ in range(LOOKS):
        if not any(seat.board.column(Cell.WRITING)):
            break
        os.sched_yield()
    seat.row[Cell.WRITING] = 1
    try:
        yield
    finally:
        seat.row[Cell.WRITING] = 0
