"""What a task leaves behind: threads, without whose end no interpreter can be closed; transactions, and memory."""

import contextlib
import gc
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import thread as executors
from traceback import clear_frames

from django.db import connections

from runtime.interpreter.watchdog import Insisted, Run
from runtime.shared import heap

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


def give_up_connections() -> None:
    """End what a stopped task has left running in the database, and the connection, whose state nobody knows."""
    for each in connections.all(initialized_only=True):
        with contextlib.suppress(Exception):  # it may be broken in any way
            if hasattr(each.connection, "cancel"):
                each.connection.cancel()
        each.close()


@contextlib.contextmanager
def memory_comes_back(run: Run) -> Iterator[None]:
    """What a task that ran out of memory holds is freed at once: to write its end down takes memory too."""
    try:
        yield
    except (MemoryError, Insisted) as error:
        run.has_stopped = True
        clear_frames(error.__traceback__)
        gc.collect()
        heap.trim()
        raise


def leave_no_transaction_open() -> None:
    """What a task left open on a connection is rolled back; a connection past its age is closed."""
    for each in connections.all(initialized_only=True):
        if each.in_atomic_block or (each.connection is not None and not each.get_autocommit()):
            each.close()
        each.close_if_unusable_or_obsolete()
