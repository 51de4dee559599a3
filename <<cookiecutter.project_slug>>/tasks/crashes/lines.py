"""The lines of a task, counted as it comes to them (sys.monitoring)."""

import inspect
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from sys import monitoring
from types import CodeType
from typing import NamedTuple

from django.conf import settings

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
    after: Place | None  # where it was before


class Lines:
    """Notes the points of a run; at the fatal one, `die` is called instead, and does not return."""

    def __init__(self, own_file: str, fatal: Point | None, die: Callable[[], None]) -> None:
        self.own_file, self.die = own_file, die
        self.fatal = (fatal.place, fatal.nth) if fatal else None
        self.last: Place | None = None
        self.times: Counter[Place] = Counter()
        self._points: dict[Place, list[Point]] = {}

    @property
    def points(self) -> list[Point]:
        return sorted(point for points in self._points.values() for point in points)

    def start(self) -> None:
        monitoring.use_tool_id(TOOL, "crash_everywhere")
        monitoring.register_callback(TOOL, monitoring.events.LINE, self._line)
        monitoring.set_events(TOOL, monitoring.events.LINE)

    def stop(self) -> None:
        monitoring.set_events(TOOL, monitoring.events.NO_EVENTS)

    def reach(self, place: Place) -> None:
        self.times[place] += 1
        point = Point(self.times.total(), place, self.times[place], self.last)
        if (place, point.nth) == self.fatal:
            self.stop()
            self.die()
        self.last = place
        points = self._points.setdefault(place, [])
        points[PASSES - 1 :] = [point]

    def _line(self, code: CodeType, line: int) -> object:
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # not the lines of a module that is being imported
        if not (is_function and (code.co_filename == self.own_file or is_of_the_project(code.co_filename))):
            return monitoring.DISABLE
        self.reach((code.co_filename, line))
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
