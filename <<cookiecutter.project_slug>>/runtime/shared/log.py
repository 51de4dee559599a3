"""One way of logging for every interpreter: a line to standard error, as text or as JSON.

Each thread of the server carries the name of its interpreter, so `%(threadName)s` says where a line comes from.
Steps in the life of the server are events: `event("interpreter_ready", interpreter="web-1", seconds=0.2)`.
"""

import json
import logging
from typing import Any

logger = logging.getLogger("server")


def configuration(log_format: str) -> dict[str, Any]:
    """A configuration for logging.config.dictConfig and for Django's LOGGING; `log_format` is text or json."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)-7s %(threadName)-12s %(name)s: %(message)s"},
            "json": {"()": "runtime.shared.log.JSONFormatter"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": log_format}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            "django": {"level": "INFO"},
            "django.tasks": {"level": "WARNING"},  # one line a task is too many; metrics count them
        },
    }


class JSONFormatter(logging.Formatter):
    """A line of JSON: time, level, interpreter, logger, message, and the fields of an event."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname,
            "interpreter": record.threadName,
            "logger": record.name,
            "message": record.getMessage(),
        } | getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def event(action: str, level: int = logging.INFO, *, stack: str = "", **fields: object) -> None:
    """Log one step in the life of the server; a stack (of a thread, several lines) stands below it."""
    if logger.isEnabledFor(level):
        message = " ".join([action, *(f"{key}={value}" for key, value in fields.items())])
        if stack:
            fields |= {"message": message, "stack": stack}
        text = f"{message}\n{stack}".rstrip("\n")
        logger.log(level, "%s", text, extra={"fields": {"action": action} | fields})
