"""What a new interpreter writes first: the ends of the tasks that its predecessor of this name has left."""

from runtime.interpreter import inside
from runtime.interpreter.inside import Assignment
from runtime.shared.board import Cell, task_id
from tasks.errors import TaskCancelled, TaskTimeout
from tasks.table import awaiting, queue, recovery
from tasks.worker.attempt import Attempt


def settle(assignment: Assignment) -> None:
    """Write what became of the tasks of predecessors that died or were given up, before this interpreter takes any."""
    assert inside.board is not None
    for verdict in assignment.verdicts:
        rows = [inside.board.seat(seat) for seat in verdict.seats]
        run_on = {task_id(row) for row in rows if row[Cell.BUSY_SINCE]}
        for claimed in queue.held(verdict.claim):
            if why := verdict.tasks.get(claimed.id.hex):
                error = {"timeout": TaskTimeout, "cancelled": TaskCancelled}[why](verdict.reason)
                if stack := verdict.stacks.get(claimed.id.hex):
                    error.add_note(f"Where it was:\n{stack}")
                outcome = Attempt(claimed).give_up(error)
            elif claimed.id.hex in run_on:
                continue
            else:
                outcome = recovery.lose(claimed.id, verdict.reason)
                awaiting.tell(claimed.id)  # it may run again: who waits looks at its row
            inside.board.count_outcome(assignment.seats[0], claimed.queue, outcome)
