"""Threads that a task has left behind: an interpreter cannot be closed before they end."""

import logging
import threading
from concurrent.futures import thread as executors

logger = logging.getLogger("tasks")

known: set[threading.Thread] = set()


def note_threads() -> None:
    """From now on, those that run already are none of a task's."""
    known.clear()
    known.update(threading.enumerate())


def report_threads(label: str) -> None:
    """Log the threads that are new since the last look. Not those of executors: they end with the interpreter."""
    if threading.active_count() == len(known):
        return
    new = [each.name for each in threading.enumerate() if each not in known and each not in executors._threads_queues]
    note_threads()
    if new:
        logger.warning("%s has left threads running: %s. End or join them before the task ends.", label, ", ".join(new))
