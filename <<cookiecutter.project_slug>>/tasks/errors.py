"""Why a task ended that did not end by itself; the class is kept in the task's row."""


class TaskTimeout(TimeoutError):
    """The task ran longer than its timeout."""


class TaskCancelled(Exception):
    """Somebody cancelled the task."""


class WorkerLost(Exception):
    """The process or the interpreter that ran the task has died."""
