"""When an interpreter has served long enough: after so many tasks or requests, or when it has grown by so much.

The supervisor replaces it: its successor is ready before it is asked to leave.
"""

from runtime.board import Board, Cell
from runtime.host import Host
from runtime.plan import WebPool, WorkerPool


def due(board: Board, pool: WebPool | WorkerPool | None, host: Host) -> str:
    """The option that asks for it; "" where none does, or it is on its way already."""
    if pool is None or not host.ready or host.being_replaced or host.on_trial or host.asked_to_stop:
        return ""
    rows = [board.seat(seat) for seat in host.assignment.seats]
    done = sum(row[Cell.DONE] for row in rows)
    if isinstance(pool, WebPool):
        return "max_requests" if 0 < pool.max_requests <= done else ""
    if 0 < pool.max_tasks <= done:
        return "max_tasks"
    return "max_growth" if 0 < pool.max_growth < rows[0][Cell.OBJECTS] - host.objects else ""
