"""The lines of a task, counted as it comes to them (sys.monitoring)."""

import inspect
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from sys import monitoring
from types import CodeType, FrameType
from typing import NamedTuple

from django.conf import settings

from tasks.worker.attempt import Attempt

events = monitoring.events

TOOL = 4  # of the six; 0, 1, 2 and 5 are for debuggers, coverage, profilers and CPython itself
PASSES = 3  # of a line that is come to again and again: the first two and the last
ENGINE = {"tasks", "runtime"}  # what it does at a crash is proved by its own tests

type Place = tuple[str, int]  # file and line

END: Place = ("", 0)  # behind the last line: all is done, and the queue does not know


class Point(NamedTuple):
    """A moment of a run: just before a line, when it is come to for the n-th time."""

    step: int  # of all lines that the run came to
    place: Place
    nth: int
    source: Place | None  # the line before it in the same call; of a first line, the one that calls


class Lines:
    """Notes the points of a run; at the fatal one, `die` is called instead, and does not return."""

    def __init__(self, own_file: str, fatal: Point | None, die: Callable[[], None]) -> None:
        self.own_file, self.die = own_file, die
        self.fatal = (fatal.place, fatal.nth) if fatal else None
        self.times: Counter[Place] = Counter()
        self._points: dict[Place, list[Point]] = {}
        self._line_in: dict[CodeType, int] = {}

    @property
    def points(self) -> list[Point]:
        return sorted(point for points in self._points.values() for point in points)

    def start(self) -> None:
        monitoring.use_tool_id(TOOL, "crash_everywhere")
        monitoring.register_callback(TOOL, events.LINE, self._line)
        monitoring.register_callback(TOOL, events.PY_START, self._call)
        monitoring.set_events(TOOL, events.LINE | events.PY_START)

    def stop(self) -> None:
        monitoring.set_events(TOOL, events.NO_EVENTS)

    def reach(self, place: Place, source: Place | None = None) -> None:
        self.times[place] += 1
        point = Point(self.times.total(), place, self.times[place], source)
        if (place, point.nth) == self.fatal:
            self.stop()
            self.die()
        points = self._points.setdefault(place, [])
        points[PASSES - 1 :] = [point]

    def _call(self, code: CodeType, _: int) -> object:
        self._line_in.pop(code, None)
        return None if self._counts(code) else monitoring.DISABLE

    def _line(self, code: CodeType, line: int) -> object:
        if not self._counts(code):
            return monitoring.DISABLE
        before = self._line_in.get(code)
        source = (code.co_filename, before) if before else self._caller(sys._getframe(1).f_back)
        self._line_in[code] = line
        self.reach((code.co_filename, line), source)
        return None

    def _counts(self, code: CodeType) -> bool:
        if not code.co_flags & inspect.CO_OPTIMIZED:  # a line of a module that is being imported
            return False
        return code.co_filename == self.own_file or is_of_the_project(code.co_filename)

    def _caller(self, frame: FrameType | None) -> Place | None:
        while frame is not None and frame.f_code is not Attempt._call.__code__:
            if self._counts(frame.f_code):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return None


@cache
def is_of_the_project(file: str) -> bool:
    """Whether the file is the project's own, neither a library, nor the engine, nor a test (whose fakes do not die)."""
    path = Path(file)
    if not path.is_relative_to(settings.BASE_DIR):
        return False
    parts = path.relative_to(settings.BASE_DIR).parts
    is_foreign = any(part.startswith(".") or part in ("site-packages", "tests") for part in parts)
    return not is_foreign and parts[0] not in ENGINE
