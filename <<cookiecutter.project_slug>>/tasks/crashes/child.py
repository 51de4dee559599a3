"""One run of a task in a process forked for it, and a death in the midst of it.

Who dies is frozen where it is: no `except`, `finally` or `with` of it ever runs, and the process ends without them. Its
transactions are rolled back, its connections and its cache are gone. The second attempt runs in a thread beside it, on
connections of its own, with the memory of the process: a fake in a test stands for the world outside, which goes on.
"""

import contextlib
import gc
import inspect
import os
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from multiprocessing import Pipe
from threading import Thread
from traceback import format_exc
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections
from django.tasks import Task
from django.test import override_settings
from django.utils import timezone

from tasks.crashes.lines import END, Lines, Point
from tasks.crashes.states import State, as_it_is
from tasks.models import TaskRecord
from tasks.table import recovery
from tasks.table.queue import RUNNING, SUCCESSFUL
from tasks.table.rows import ClaimedTask
from tasks.worker import context
from tasks.worker.attempt import Attempt

LIMIT = 60.0  # seconds for one process: a second attempt may wait for ever for what the first one holds
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@dataclass(frozen=True)
class Ended:
    """What came of a run."""

    error: str = ""  # why the task has not ended well
    state: State = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)  # imported on the way
    has_checkpoint: bool = False


class Trial:
    """A run, to its end or to the fatal point and through the second attempt; `pause`: between written checkpoints."""

    def __init__(
        self, task: Task, task_id: UUID, state: Callable[[], Any] | None, fatal: Point | None, pause: float
    ) -> None:
        self.task_id, self.state, self.pause = task_id, state, pause
        self.lines = Lines(inspect.unwrap(task.func).__code__.co_filename, fatal, self._die)
        self.modules = set(sys.modules)

    def in_child(self) -> Ended:
        """Run it in a process of its own."""
        connections.close_all()  # none is shared
        reader, self.writer = Pipe(duplex=False)
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of other threads: a test's server
            process = os.fork()
        if not process:
            self._tell_and_leave(self._first)
        self.writer.close()
        try:
            answered = reader.poll(LIMIT)
            return reader.recv() if answered else Ended(f"It did not end within {LIMIT:.0f} seconds.")
        except EOFError:
            return Ended("Its process died.")
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            reader.close()

    def _tell_and_leave(self, run: Callable[[], Ended]) -> NoReturn:
        try:
            ended = run()
        except BaseException:
            ended = Ended(format_exc())
        self.writer.send(ended)
        os._exit(0)

    def _first(self) -> Ended:
        context.WRITE_EVERY = self.pause
        mail_through_the_queue()
        attempt = Doomed(take(self.task_id), self.lines)
        self.lines.start()
        attempt.run()
        self.lines.stop()
        return self._ended()

    def _die(self) -> None:
        gc.freeze()  # nothing of what dies is tidied up either
        drop_connections()
        second = Thread(target=self._tell_and_leave, args=(self._second,))
        second.start()
        second.join()  # for ever: it ends the process

    def _second(self) -> Ended:
        empty_cache()
        recovery.lose(self.task_id, "crash_everywhere")
        Attempt(take(self.task_id)).run()
        return self._ended()

    def _ended(self) -> Ended:
        record = TaskRecord.objects.get(pk=self.task_id)
        error = "" if record.status == SUCCESSFUL else record.history[-1]["traceback"]
        modules = [name for name in sys.modules if name not in self.modules]
        state = as_it_is(self.task_id, self.state)
        return Ended(error, state, self.lines.points, modules, record.checkpoint is not None)


class Doomed(Attempt):
    """One whose last moment counts as well: the task has returned, and the queue does not know."""

    def __init__(self, claimed: ClaimedTask, lines: Lines) -> None:
        super().__init__(claimed)
        self.lines = lines

    def _succeeded(self, value: Any) -> str:
        self.lines.reach(END)
        return super()._succeeded(value)


def take(task_id: UUID) -> ClaimedTask:
    """Claim this task, whatever else waits in its queue."""
    record = TaskRecord.objects.get(pk=task_id)
    now = timezone.now()
    record.status, record.claim, record.attempt = RUNNING, f"test/test/test/{record.attempt}", record.attempt + 1
    record.started_at, record.last_attempted_at = record.started_at or now, now
    record.save()
    return ClaimedTask(**{each.name: getattr(record, each.name) for each in fields(ClaimedTask)})


def drop_connections() -> None:
    """What the databases see of a death: the transaction is rolled back, nobody is there any more."""
    for each in connections.all(initialized_only=True):
        with contextlib.suppress(Exception):
            each.connection.rollback()
        with contextlib.suppress(Exception):
            each.connection.close()


def empty_cache() -> None:
    """A cache in memory dies with its process."""
    for alias in settings.CACHES:
        if isinstance(caches[alias], LocMemCache):
            caches[alias].clear()


def mail_through_the_queue() -> None:
    """As in production: sent with the transaction. Django's test runner sends it at once, which nothing can undo."""
    mailers: dict[str, Any] = settings.MAILERS
    if mailers["default"]["BACKEND"] == LOCMEM:
        ours = {"default": {"BACKEND": "tasks.mail.EmailBackend"}, "outbox": {"BACKEND": LOCMEM}}
        override_settings(MAILERS=mailers | ours).enable()
