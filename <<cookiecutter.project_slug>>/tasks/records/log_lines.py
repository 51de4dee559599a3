"""The last log lines of the task that runs, for the report of its failure (report.py)."""

import logging
from collections import deque

from tasks.records.bill import running

MOST = 50  # lines
LONGEST = 500  # characters of a line


class Listener(logging.Handler):
    """Keeps what is logged while a task runs. Nothing is formatted before it is needed, but the message."""

    def emit(self, record: logging.LogRecord) -> None:
        if (meter := running()) is None:
            return
        if meter.lines is None:
            meter.lines = deque(maxlen=MOST)
        try:
            meter.lines.append((record.created, record.levelname, record.name, record.getMessage()[:LONGEST]))
        except Exception:
            self.handleError(record)


listener = Listener()


def listen() -> None:
    """Once in each interpreter that runs tasks."""
    logging.getLogger().addHandler(listener)
