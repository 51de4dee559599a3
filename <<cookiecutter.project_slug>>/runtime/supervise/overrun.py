"""The top of the ladder whose lower rungs are in watchdog.py: what does not come back costs its interpreter.

Main sees it on the board: a deadline, or a cancel, that passed PATIENCE ago while the same work still runs.
"""

import time
from collections.abc import Callable, Iterable

from runtime.interpreter.host import Host
from runtime.shared.board import Board, Cell, is_cancelled, task_id

PATIENCE = 1.0  # seconds for the rungs of the watchdog
LOOK_EVERY = 0.25  # seconds
LONGEST_HIDDEN = 2.0  # seconds between the claim of a task and its thread showing it; no longer: people try again
MOST_ABANDONED = 4  # interpreters, in the life of a process: each keeps its seats. One more, and it leaves with 75


def overdue(board: Board, hosts: Iterable[Host], now: int | None = None) -> list[tuple[Host, dict[str, str]]]:
    """The hosts with a thread that ignores its end; the stuck tasks' ids of each, and why: "timeout" or "cancelled"."""
    now = now or time.monotonic_ns()
    stuck = [
        (host, {task: why for seat in host.assignment.seats for task, why in _stuck(board.seat(seat), now)})
        for host in hosts
    ]
    return [(host, tasks) for host, tasks in stuck if tasks]


def _stuck(row: memoryview, now: int) -> list[tuple[str, str]]:
    if not row[Cell.BUSY_SINCE]:
        return []
    limit = now - int(PATIENCE * 1e9)
    task = task_id(row)
    if is_cancelled(row) and row[Cell.CANCELLED_AT] < limit:
        return [(task, "cancelled")]
    if 0 < row[Cell.DEADLINE] < limit:
        return [(task, "timeout")]
    return []


def cancel(board: Board, hosts: Iterable[Host], task: str, wake: Callable[[int], None]) -> bool:
    """Ask the thread that runs this task to end it; False where none does."""
    for host in hosts:
        for seat in host.assignment.seats:
            row = board.seat(seat)
            since = row[Cell.BUSY_SINCE]
            if since and task_id(row) == task:
                row[Cell.CANCELLED_AT], row[Cell.CANCELLED] = time.monotonic_ns(), since
                wake(host.assignment.watch)
                return True
    return False


class Unfound:
    """Cancels of tasks that no thread shows: claimed a moment ago, or ended just now."""

    def __init__(self) -> None:
        self.until: dict[str, float] = {}  # by task: monotonic seconds

    def add(self, task: str) -> None:
        self.until[task] = time.monotonic() + LONGEST_HIDDEN

    def look(self, cancel: Callable[[str], bool]) -> None:
        now = time.monotonic()
        self.until = {task: until for task, until in self.until.items() if now < until and not cancel(task)}
