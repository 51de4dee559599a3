"""Background tasks: Django's task API on a durable queue in the project's database.

What an app uses:
    options.py      what `@task(…)` takes: max_attempts, backoff, retry_on, timeout, on_lost, unique, limit
    schedule.py     recurring tasks; expressions.py says when, commands.py makes a management command one
    queues.py       pause and resume
    batches.py, mail.py, testing.py (crashes/), signals.py, errors.py
    backends.py     for TASKS: DurableBackend, and InterpreterQueueBackend for tasks that may be lost
A task's way, from enqueue() to its end:
    backends.py     takes it; json_values.py is what may go into a task and come out
    table/          the queue: insert, claim, finish, wake
    worker/         runs it (context.py is what the task may say meanwhile)
    records/        what is written down about it
Beside the tasks:
    house/          what is due, what is old, who died
    control.py      cancel, retry, run now, discard; discovery.py finds the task modules
    models.py, admin.py (staff/), json_views.py, urls.py, apps.py, live.py show them
    mypy_plugin.py  tells mypy what `@task(…)` takes
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks import queues
    from tasks.batches import batch
    from tasks.table.awaiting import await_result, wait
    from tasks.table.chains import chain

__all__ = ("await_result", "batch", "chain", "queues", "wait")

MODULES = {"await_result": "table.awaiting", "batch": "batches", "chain": "table.chains", "wait": "table.awaiting"}


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: before Django is set up, nothing here can import models."""
    if name == "queues":
        return import_module("tasks.queues")
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tasks.{MODULES[name]}"), name)
