"""How far a task is: from the board where it runs in this process, else from its row."""

import uuid
from typing import Any

from runtime.interpreter import inside
from runtime.shared.board import Cell, halves
from tasks.models import TaskRecord


def progress_of(record: TaskRecord) -> dict[str, int] | None:
    """{"done", "total"}, or None where the task has not said."""
    live = _on_board(record.pk) if record.status == "RUNNING" else None
    saved: dict[str, Any] | None = record.progress
    return live or saved


def _on_board(task_id: uuid.UUID) -> dict[str, int] | None:
    board = inside.board
    if board is None:
        return None
    for number in range(board.seats):
        row = board.seat(number)
        if (row[Cell.TASK_HIGH], row[Cell.TASK_LOW]) == halves(task_id.int) and row[Cell.PROGRESS_TOTAL]:
            return {"done": row[Cell.PROGRESS_DONE], "total": row[Cell.PROGRESS_TOTAL]}
    return None
