"""Is a task right when it is run again? It is killed at each of its lines, run once more, and what it leaves compared.

lines.py         which lines count, and where to die
child.py         one run, in a process forked for it, and what a death takes with it
kept.py          database and files as they were, before each run
states.py        what a run leaves
differences.py   what must be the same
"""

import importlib
import linecache
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.tasks import Task, task_backends

from tasks.backends import DurableBackend
from tasks.crashes.child import Ended, Trial
from tasks.crashes.differences import Judge
from tasks.crashes.kept import files_kept, rows_kept
from tasks.crashes.lines import END, Place, Point
from tasks.crashes.states import State, as_it_is
from tasks.models import TaskRecord


@dataclass(frozen=True)
class Report:
    crashes: int  # how often the task was killed
    lines: int  # at how many different lines
    not_compared: tuple[str, ...]  # columns that differ between two undisturbed runs already: times, new primary keys


def crash_everywhere(
    task: Task, *args: Any, state: Callable[[], Any] | None = None, ignore: Sequence[str] = (), **kwargs: Any
) -> Report:
    """Kill the task at each of its lines, run it once more after each, and compare what it leaves with one quiet run.

    Raises AssertionError with the line at fault. Compared are all rows, the files below MEDIA_ROOT, mail, the return
    value, and what `state` returns: whatever else the task changes. `ignore` has patterns of columns and tables
    ("shop.Payment.note") and of files ("*.partial"). It needs a test whose commits are real, and leaves all as it was.
    """
    _refuse_what_cannot_be_right(task)
    task_id = UUID(task.enqueue(*args, **kwargs).id)
    try:
        start = as_it_is(task_id, state)
        with rows_kept() as put_rows_back, files_kept() as put_files_back:
            trial = partial(Trial, task, task_id, state)
            return _Sweep(task, trial, put_rows_back, put_files_back).run(start, ignore)
    finally:
        TaskRecord.objects.filter(pk=task_id).delete()


def _refuse_what_cannot_be_right(task: Task) -> None:
    if not isinstance(task_backends[task.backend], DurableBackend):
        raise ValueError(f"{task.module_path} is not a task of DurableBackend: only those are run again after a crash.")
    if getattr(task, "on_lost", "") == "fail":
        raise ValueError(f'{task.module_path} has on_lost="fail": after a crash it is never run again.')
    if connection.in_atomic_block:
        raise RuntimeError(
            "What is committed survives a crash, and within a test's transaction nothing is committed. "
            "Use @pytest.mark.django_db(transaction=True), or Django's TransactionTestCase."
        )
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        raise RuntimeError(
            "A database in memory does not survive a crash. "
            'Name a file: DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}.'
        )


class _Sweep:
    """All runs of one task. `trial` makes one, `put_back` undoes what it did."""

    def __init__(self, task: Task, trial: Callable[..., Trial], *put_back: Callable[[], None]) -> None:
        self.task, self.trial, self.put_back = task, trial, put_back

    def run(self, start: State, ignore: Sequence[str]) -> Report:
        for name in self._undisturbed().modules:  # once, here: no run then dies with the lock of an import held
            with suppress(Exception):
                importlib.import_module(name)
        first, second = self._undisturbed(), self._undisturbed()
        judge = Judge(start, first.state, second.state, ignore)
        # The queue writes checkpoints now and then: a crash may find the last one there, or none yet.
        pauses = (0.0, inf) if first.has_checkpoint else (0.0,)
        crashes = [(point, pause) for pause in pauses for point in first.points]
        for point, pause in crashes:
            self._crash(point, pause, judge)
        lines = {point.place for point in first.points}
        return Report(len(crashes), len(lines - {END}), tuple(judge.not_compared))

    def _undisturbed(self) -> Ended:
        ended = self._try()
        if ended.error:
            raise AssertionError(f"{self.task.module_path} does not end well, undisturbed:\n{ended.error}")
        return ended

    def _crash(self, point: Point, pause: float, judge: Judge) -> None:
        ended = self._try(point, pause)
        if wrong := ended.error or judge.difference(ended.state):
            raise AssertionError(f"{self.task.module_path}, killed {_words(point)} and run again:\n{wrong}")

    def _try(self, point: Point | None = None, pause: float = 0.0) -> Ended:
        for put_back in self.put_back:
            put_back()
        return self.trial(point, pause).in_child()


def _words(point: Point) -> str:
    if point.place == END:
        return "after its last line, before the queue knew of it,"
    on_pass = f" on pass {point.nth}" if point.nth > 1 else ""
    source = f", coming from {_source(point.source)}," if point.source else ""
    return f"before {_source(point.place)}{on_pass}{source}"


def _source(place: Place) -> str:
    file, line = place
    return f"{Path(file).relative_to(settings.BASE_DIR)}:{line} `{linecache.getline(file, line).strip()}`"
