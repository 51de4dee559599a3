"""What a failed attempt leaves for whoever looks for the reason: frames with their locals, and the last log lines.

In a table of its own: the claim of a retry, the lists and the public JSON read a task's row, and SQLite writes a row
anew as a whole, so that each would pay for a report that one person reads once.
"""

import contextlib
import linecache
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import dropwhile
from traceback import walk_tb
from types import FrameType
from typing import Any

from django.db import transaction
from django.views.debug import SafeExceptionReporterFilter, get_exception_reporter_filter

from tasks.errors import TaskCancelled
from tasks.models import TaskReport
from tasks.records.bill import Line
from tasks.records.values import LONGEST, as_text
from tasks.table.rows import ClaimedTask

logger = logging.getLogger("tasks")

SECONDS = 1.0  # then no more values are asked for their text
KEPT = 5  # reports of a task, the last ones
MOST_ERRORS = 5  # of a chain
MOST_FRAMES = 20  # of all errors of a chain, the innermost of each
MOST_LOCALS = 40  # of a frame
FRAME_SIZE, SIZE = 8_000, 60_000  # characters of locals of a frame, and of all
CONTEXT, LONGEST_LINE = 3, 200  # lines of code before and after, and characters of each

WITHOUT_FRAMES = (MemoryError, TaskCancelled)  # it has let go of everything; who cancels it knows why
ENGINE = ("tasks.worker.attempt", "django.tasks.base")  # modules of the frames above the task's own


def make_report(
    error: BaseException, lines: Iterable[Line], guard: Callable[[float], AbstractContextManager[Any]]
) -> dict[str, Any]:
    """A value that is asked for its text may do anything, so within the guard of a task, which ends it."""
    report = Report(lines)
    with contextlib.suppress(BaseException):
        if not isinstance(error, WITHOUT_FRAMES):
            with guard(2 * SECONDS):
                report.add(error)
    return report.content


class Report:
    """Made step by step: what is there when the time is up is kept."""

    def __init__(self, lines: Iterable[Line]) -> None:
        said = (
            f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f} {level} {name}: {text}" for at, level, name, text in lines
        )
        self.content: dict[str, Any] = {"errors": [], "lines": [storable(line) for line in said]}
        self.secrets: SafeExceptionReporterFilter = get_exception_reporter_filter(None)
        self.room = SIZE
        self.ends = time.monotonic() + SECONDS

    def add(self, error: BaseException) -> None:
        """The error and those that led to it; as Python prints them, the first one first."""
        chain = list(_chain(error))
        for each, link in chain:
            kind, text = type(each), message_of(each)[:LONGEST]
            path = f"{kind.__module__}.{kind.__qualname__}"
            entry: dict[str, Any] = {"type": path, "message": text, "link": link, "frames": []}
            self.content["errors"].insert(0, entry)
            self._add_frames(entry, each, MOST_FRAMES // len(chain), self.room // len(chain))

    def _add_frames(self, entry: dict[str, Any], error: BaseException, most: int, room: int) -> None:
        """From the innermost outwards, so that where it happened has the most room."""
        all_frames = list(walk_tb(error.__traceback__))
        frames = list(dropwhile(lambda each: each[0].f_globals.get("__name__") in ENGINE, all_frames)) or all_frames
        entry["left_out"] = max(len(frames) - most, 0)
        for frame, line in reversed(frames[-most:]):
            shown = _code(frame, line) | {"locals": []}
            entry["frames"].insert(0, shown)
            room -= self._add_locals(shown["locals"], frame, min(room, FRAME_SIZE))

    def _add_locals(self, shown: list[tuple[str, str]], frame: FrameType, room: int) -> int:
        """Returns how many characters they took."""
        size = 0
        for name, value in list(self.secrets.get_traceback_frame_variables(None, frame))[:MOST_LOCALS]:
            if name.startswith("__"):
                continue
            if size >= room or time.monotonic() > self.ends:
                shown.append(("…", "no more room or time"))
                break
            shown.append((name, storable(as_text(name, value, self.secrets))))
            size += len(shown[-1][1])
        return size


def keep(claimed: ClaimedTask, content: dict[str, Any]) -> None:
    """Write the report, and delete the task's oldest. Without it the task has failed all the same."""
    try:
        with transaction.atomic():
            reports = TaskReport.objects.filter(task_id=claimed.id)
            reports.filter(attempt__lte=claimed.attempt - KEPT).delete()
            reports.create(task_id=claimed.id, attempt=claimed.attempt, content=content)
    except Exception:
        logger.exception("the report of %s %s is lost", claimed.task, claimed.id)


def storable(text: str) -> str:
    """Without what PostgreSQL refuses in JSON: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()


def message_of(error: BaseException) -> str:
    try:
        return storable(str(error))
    except Exception as unspeakable:
        return f"<cannot be shown, {type(unspeakable).__name__}>"


def _chain(error: BaseException | None) -> Iterator[tuple[BaseException, str]]:
    """The error, what it came from, and so on; each with what the next inner one is to it."""
    seen: list[BaseException] = []
    while error is not None and all(error is not each for each in seen) and len(seen) < MOST_ERRORS:
        seen.append(error)
        inner = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        yield error, "" if inner is None else "cause" if error.__cause__ else "context"
        error = inner


def _code(frame: FrameType, line: int) -> dict[str, Any]:
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    first = max(line - CONTEXT, 1)
    code = [
        {"number": number, "here": number == line, "text": storable(text.rstrip()[:LONGEST_LINE])}
        for number, text in enumerate(lines[first - 1 : line + CONTEXT], first)
    ]
    place = {"file": storable(frame.f_code.co_filename), "function": frame.f_code.co_qualname, "line": line}
    return place | {"code": code}
