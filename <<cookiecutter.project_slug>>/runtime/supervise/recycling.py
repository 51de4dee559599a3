"""When an interpreter has served long enough: after so many tasks or requests, or when it has grown by so much.

The supervisor replaces it: its successor is ready before it is asked to leave.
"""

import time

from runtime.interpreter.host import Host
from runtime.shared.board import Board, Cell
from runtime.shared.plan import WebPool, WorkerPool

PAUSE_AFTER_FAILURE = 30.0  # seconds before the next try where a successor did not come up


def due(board: Board, pool: WebPool | WorkerPool, host: Host) -> str:
    """The option that asks for it; "" where none does, or it is on its way already."""
    if not host.serves or host.being_replaced or host.on_trial or time.monotonic() < host.keep_until:
        return ""
    rows = [board.seat(seat) for seat in host.assignment.seats]
    done = sum(row[Cell.DONE] for row in rows)
    if isinstance(pool, WebPool):
        return "max_requests" if 0 < pool.max_requests <= done else ""
    if 0 < pool.max_tasks <= done:
        return "max_tasks"
    return "max_growth" if 0 < pool.max_growth < rows[0][Cell.OBJECTS] - host.objects else ""
