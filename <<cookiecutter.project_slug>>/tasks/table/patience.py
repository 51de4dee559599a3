"""Database errors that pass: it is locked, restarts, is away for a moment."""

import logging
import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger("tasks")

PASSING = (OperationalError, InterfaceError)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two tries, doubled each time

# Seconds. Whoever has the end of a task in hand can do nothing better than wait: without the database there is no other
# task, and a task whose end is forgotten runs again. A stop of the server ends the wait as it ends a task. After the
# limit the error is raised, the interpreter dies of it, and its successor settles the task as lost.
LIMIT = 3600.0


def until_it_passes[T](write: Callable[[], T]) -> T:
    """Call `write` again, on a new connection, while the database cannot take it: locked, away, its disk full.

    It may have been carried out although its answer was lost: a second outcome then finds the claim gone.
    """
    end, pause = time.monotonic() + LIMIT, FIRST_PAUSE
    while True:
        try:
            return write()
        except PASSING as error:
            if connection.in_atomic_block or time.monotonic() + pause > end:
                raise
            logger.warning("the database takes nothing, again in %.1f s: %s", pause, error)
            connection.close()
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
