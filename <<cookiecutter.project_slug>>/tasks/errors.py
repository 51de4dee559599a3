"""Why a task ended that did not end by itself (the class is kept in the task's row), or could not be enqueued."""

from django.tasks.exceptions import TaskException


class TaskTimeout(TimeoutError):
    """The task ran longer than its timeout."""


class TaskSuspended(BaseException):
    """Ends a task at a checkpoint because its interpreter is to leave; it goes on from there in another one.

    Not an Exception: `except Exception` in a task does not hold it up.
    """


class TaskCancelled(Exception):
    """Somebody cancelled the task."""


class WorkerLost(Exception):
    """The process or the interpreter that ran the task has died, or was given up."""


class ChainBroken(Exception):
    """A task that stood before this one in its chain has failed."""


class AlreadyEnqueued(Exception):
    """A chain cannot hold a task that is there already, by its unique key."""


class WaitsForever(RuntimeError):
    """Who waits for the task keeps it from running."""


class MemoryQueueFull(TaskException):
    """As many tasks wait or run as the memory queue has places."""


class NoWorkersHere(TaskException):
    """The task is to stay in memory, and this process runs no workers."""
