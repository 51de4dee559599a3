"""What an attempt costs: counted while it runs, written with its end.

Two system calls for a short attempt, four for others, and a look at the clock before and after each query: under 5 % of
a task that does nothing. All of it is of the task's own thread: what others do is not on it.
"""

import json
import resource
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from resource import RUSAGE_THREAD, getrusage
from typing import Any

from django.db import connections

type Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]
type Line = tuple[float, str, str, str]  # when, level, logger, message

SHORT = 1_000_000  # ns: what takes less has no time for much memory or disk; the next one like it is not asked for it
BLOCK = 512  # bytes of what getrusage(2) calls a block
PAGE = resource.getpagesize()
LONGEST_SQL = 2000  # characters in which two statements differ
KEPT_SQL = 500  # characters of the one that is written down
DIFFERENT_SQL = 500  # statements that are told apart


class Meter:
    """Counts from `start` to `stop`; both belong into one thread."""

    def __init__(self, task: str) -> None:
        self.task = task  # its path
        self.started = self.queries = 0
        self.lines: deque[Line] | None = None  # the last ones that the task has logged (log_lines.py)

    def start(self) -> None:
        self.place = _place.get() or _new_place()
        self.place[0] = self
        self.before = None if self.task in _short else getrusage(RUSAGE_THREAD)
        self.cpu, self.started = time.thread_time_ns(), time.perf_counter_ns()

    def stop(self) -> None:
        """Nothing is counted any more; nothing was where it had not been started."""
        if not self.started:
            return
        self.taken, self.cpu = time.perf_counter_ns() - self.started, time.thread_time_ns() - self.cpu
        self.place[0] = None
        if self.before:
            self.after = getrusage(RUSAGE_THREAD)
        if self.taken > SHORT:
            _short.discard(self.task)
        elif self.before:
            _short.add(self.task)

    def count(self, sql: str, seconds: float) -> None:
        if not self.queries:
            self.sql_seconds, self.statements = 0.0, dict[str, int]()
        self.queries += 1
        self.sql_seconds += seconds
        sql = sql[:LONGEST_SQL]
        if len(self.statements) < DIFFERENT_SQL or sql in self.statements:
            self.statements[sql] = self.statements.get(sql, 0) + 1

    def bill(self) -> dict[str, Any]:
        """What is nothing is left out, except for the first two. Empty where the task has not begun."""
        return json.loads(self.as_json() or "{}")  # type: ignore[no-any-return]

    def as_json(self) -> str | None:
        """For a statement. Most have but two numbers: json.dumps() alone would cost more than to count them."""
        if not self.started:
            return None
        times = f'"cpu": {self.cpu // 1000}e-6, "waiting": {max(self.taken - self.cpu, 0) // 1000}e-6'
        more = (self._queries() if self.queries else {}) | (self._usage() if self.before else {})
        return f"{{{times}, {json.dumps(more)[1:]}" if more else f"{{{times}}}"

    def _usage(self) -> dict[str, int]:
        """Not its times: they are those of the last tick, up to 4 ms old."""
        before: Any = self.before
        after = self.after
        usage = {
            "memory": (after.ru_minflt - before.ru_minflt) * PAGE,  # first touches: pages that the kernel gave
            "read": (after.ru_inblock - before.ru_inblock) * BLOCK,
            "written": (after.ru_oublock - before.ru_oublock) * BLOCK,
        }
        return {what: amount for what, amount in usage.items() if amount}

    def _queries(self) -> dict[str, Any]:
        found = {"queries": self.queries, "sql_seconds": round(self.sql_seconds, 6)}
        sql, times = max(self.statements.items(), key=lambda item: item[1])
        return found | ({"repeated": {"sql": sql[:KEPT_SQL], "times": times}} if times > 1 else {})


def running() -> Meter | None:
    """Of the task that runs here, if one does. Its `async def` code is here too, though in a thread of its own."""
    place = _place.get()
    return place[0] if place else None


# A context variable holds a thread's place for good, and the place its meter: to set one takes longer than to count.
_place: ContextVar[list[Meter | None] | None] = ContextVar("place", default=None)
_short: set[str] = set()  # tasks whose last attempt in this interpreter was


def _new_place() -> list[Meter | None]:
    """The thread's queries are counted from now on. The engine's own statements do not pass here."""
    for alias in connections:  # Django keeps those of a thread for good
        if _count_query not in connections[alias].execute_wrappers:
            connections[alias].execute_wrappers.append(_count_query)
    place: list[Meter | None] = [None]
    _place.set(place)
    return place


def _count_query(execute: Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django calls it around each query."""
    if (meter := running()) is None:
        return execute(sql, params, many, context)
    started = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        meter.count(sql if isinstance(sql, str) else str(sql), time.perf_counter() - started)
