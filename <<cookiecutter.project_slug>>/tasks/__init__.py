"""Background tasks: Django's task API on a durable queue in the project's database.

What an app uses:
    options.py      what `@task(…)` takes: max_attempts, backoff, retry_on, timeout, on_lost, unique, limit
    context.py      progress and checkpoints of a task that takes a context
    schedule.py     recurring tasks; expressions.py says when, commands.py makes a management command one
    batches.py, chains.py, awaiting.py, queues.py, mail.py, testing.py (crashes/), signals.py, errors.py
    backends.py     for TASKS: DurableBackend, and InterpreterQueueBackend for tasks that may be lost
A task's way, from enqueue() to its end:
    queue.py        the table (models.py): insert, claim, finish; statements.py is the SQL, rows.py what it takes and
                    gives, conditions.py enqueues under a condition (unique, limit, chain: keys.py, limits.py)
    wakeup.py       wakes a worker; handover.py gives the task to one that sleeps (mailbox.py is that worker's side)
    worker.py       the loop of a worker thread; waiting.py is what it does next, gate.py lets a suspect run alone,
                    turns.py is whose turn it is to write
    attempt.py      runs it and writes how it ended: ends.py in words, bill.py what it cost, report.py what it left
                    for who looks for the reason (values.py, log_lines.py), leftovers.py what it left behind
    aftermath.py    what its end means for others: those in line, its batch (tally.py)
    patience.py     database errors that pass
    results.py      a row as Django's TaskResult; origin.py is the request that enqueued it; json_values.py what may go
                    into a task and come out
In memory, without a row: memory_queue.py sends, memory_worker.py runs, memory_sizes.py bounds.
Beside the tasks:
    housekeeping.py once per node: what is due, ticks.py, counting.py, pruning.py (retention.py), nodes.py
    recovery.py     what becomes of tasks whose process or interpreter has died
    control.py      cancel, retry, run now, discard; discovery.py finds the task modules
    progress.py, live.py, api.py, urls.py, apps.py, admin.py, admin_*.py show them
    mypy_plugin.py  tells mypy what `@task(…)` takes
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks import queues
    from tasks.awaiting import await_result, wait
    from tasks.batches import batch
    from tasks.chains import chain

__all__ = ("await_result", "batch", "chain", "queues", "wait")

MODULES = {
    "await_result": "tasks.awaiting",
    "batch": "tasks.batches",
    "chain": "tasks.chains",
    "wait": "tasks.awaiting",
}


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: before Django is set up, nothing here can import models."""
    if name == "queues":
        return import_module("tasks.queues")
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(MODULES[name]), name)
