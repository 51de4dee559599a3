"""Background tasks: Django's task API on a durable queue in the project's database."""

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
