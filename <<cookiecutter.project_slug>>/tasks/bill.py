"""What an attempt costs: counted while it runs, written with its end.

Two system calls for a short attempt, four for others, and a look at the clock before and after each query
(docs/performance.md). All of it is of the task's own thread: what it hands to other threads is not on the bill.
"""

import json
import resource
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from resource import RUSAGE_THREAD, getrusage
from typing import Any

from django.db import connections

type Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]
type Line = tuple[float, str, str, str]  # when, level, logger, message

SHORT = 0.001  # seconds: what takes less has no time for much memory or disk; the next one like it is not asked for it
BLOCK = 512  # bytes of what getrusage(2) calls a block
PAGE = resource.getpagesize()
LONGEST_SQL = 2000  # characters in which two statements differ
KEPT_SQL = 500  # characters of the one that is written down
DIFFERENT_SQL = 500  # statements that are told apart


class Meter:
    """Counts from `start` to `stop`; both belong into one thread."""

    __slots__ = (
        "after",
        "before",
        "cpu",
        "lines",
        "queries",
        "seconds",
        "sql_seconds",
        "started",
        "statements",
        "task",
    )

    def __init__(self, task: str) -> None:
        self.task = task  # its path
        self.started = self.cpu = 0.0
        self.queries = 0
        self.lines: deque[Line] | None = None  # the last ones that the task has logged (log_lines.py)

    def start(self) -> None:
        if not hasattr(_thread, "counts"):
            _count_queries_of_this_thread()
        current.set(self)
        self.before = None if self.task in _short else getrusage(RUSAGE_THREAD)
        self.cpu, self.started = time.thread_time(), time.perf_counter()

    def stop(self) -> None:
        """Nothing is counted any more; nothing was where it had not been started."""
        self.seconds, self.cpu = time.perf_counter() - self.started, time.thread_time() - self.cpu
        current.set(None)
        if not self.started:
            return
        if self.before:
            self.after = getrusage(RUSAGE_THREAD)
        if self.seconds > SHORT:
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
        text = f'"cpu": {self.cpu:.6f}, "waiting": {max(self.seconds - self.cpu, 0.0):.6f}'
        more = (self._queries() if self.queries else {}) | (self._usage() if self.before else {})
        return f"{{{text}, {json.dumps(more)[1:]}" if more else f"{{{text}}}"

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


# A context variable, not the thread, says whose a query or a log line is: so the lines of `async def` tasks, which run
# in a thread of their own, are there too.
current: ContextVar[Meter | None] = ContextVar("meter", default=None)

_thread = threading.local()
_short: set[str] = set()  # tasks whose last attempt in this interpreter was


def _count_queries_of_this_thread() -> None:
    """Django keeps the connections of each thread for good. The engine's own statements do not pass here."""
    _thread.counts = True
    for alias in connections:
        connections[alias].execute_wrappers.append(_count_query)


def _count_query(execute: Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django calls it around each query."""
    if (meter := current.get()) is None:
        return execute(sql, params, many, context)
    started = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        meter.count(sql if isinstance(sql, str) else str(sql), time.perf_counter() - started)
