"""Ends what takes too long, from within its interpreter: the lower rungs of a ladder.

    1  raise the error in the thread                        ends Python code
    2  interrupt its database                               ends a statement
    3  shut the socket that it is blocked on                ends a read, a write, a connect
    4  end the child processes that it started              ends a wait for them

What is still there after that is in C code that does not return, or has caught the error and goes on. Then main writes
the interpreter off (overrun.py sees it, abandonment.py does it): it cannot be ended. The error of rung 1 stays pending,
so whichever rung frees the thread, it is this error that comes.
"""

import contextlib
import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable

from django.db import connections

from runtime.interpreter.inside import Seat
from runtime.shared import blocked, descriptors
from runtime.shared.board import Cell, is_cancelled, is_too_greedy

STEP = 0.15  # seconds on each rung; main waits for all of them (overrun.PATIENCE)
PATIENT_STEP = 1.0  # where only the thread is to be had back: the client has left
HURRIED_STEP = 0.05  # where memory is short
RUNGS = ("raised", "database interrupted", "socket shut", "child ended")


class Insisted(BaseException):
    """Raised from the second rung on where memory is short: no `except Exception` in a loop goes on after this one."""


class Run:
    """What one thread is doing, and by when it should be done: a block that the watchdog may end, once or many times.

    Raises `too_late` in the block once `seconds` are over (0: never), `cancelled` if somebody cancels it (None: nobody
    can), MemoryError if it has taken too much memory (memory_limit/).
    """

    def __init__(
        self, watchdog: Watchdog, seat: Seat, seconds: float, too_late: type[BaseException],
        cancelled: type[BaseException] | None,
    ) -> None:  # fmt: skip
        self.watchdog, self.seat, self.seconds = watchdog, seat, seconds
        self.too_late, self.cancelled = too_late, cancelled
        self.is_cancelled: Callable[[], bool] = lambda: is_cancelled(seat.row)
        self.databases = watchdog.databases_of_thread()
        self.thread, self.native = threading.get_ident(), threading.get_native_id()

    def __enter__(self) -> Run:
        row, watchdog = self.seat.row, self.watchdog
        self.work = row[Cell.BUSY_SINCE]
        self.error: type[BaseException] | None = None  # raised in it
        self.has_stopped = False  # it is on its way out, or held: no more is raised in it
        self.rung, self.next_step, self.step = 0, 0.0, STEP
        self.deadline = time.monotonic() + self.seconds if self.seconds else None
        with watchdog.lock:
            watchdog.runs.append(self)
        row[Cell.DEADLINE] = int(self.deadline * 1e9) if self.deadline else 0
        if (self.deadline and not self.deadline >= watchdog.looks_at > 0) or self.is_cancelled():
            descriptors.signal(watchdog.descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        """From here on nothing is raised in the thread any more; what comes until then is swallowed."""
        while True:
            try:
                with self.watchdog.lock:
                    if self in self.watchdog.runs:
                        self.watchdog.runs.remove(self)
                if self.error is not None:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), None)
                self.seat.row[Cell.DEADLINE] = 0
            except tuple(error for error in (self.too_late, self.cancelled, MemoryError, Insisted) if error):
                continue
            return

    def relieve(self) -> None:
        """Lift the deadline: a response that has begun may take as long as its client does, and clean up in peace."""
        self.deadline, self.step = None, PATIENT_STEP
        self.seat.row[Cell.DEADLINE] = 0

    def hold(self, held: bool) -> None:
        """While it is held, nothing is raised in the thread: what it does must be done once and in full."""
        if held:
            with self.watchdog.lock:  # which may be raising something just now
                self.has_stopped = True
        else:
            self.has_stopped = False

    @property
    def has_gone_on(self) -> bool:
        """Whether its thread does something else by now."""
        return self.seat.row[Cell.BUSY_SINCE] != self.work

    @property
    def freed_by(self) -> str:
        return RUNGS[max(self.rung, 1) - 1]


class Watchdog:
    """A thread of the interpreter. It sleeps until the next deadline, or until main cancels a task."""

    def __init__(self, descriptor: int, threads: int) -> None:
        self.descriptor = descriptor
        self.threads = threads  # that it looks after; it ends with the last one
        self.lock = threading.Lock()
        self.runs: list[Run] = []
        self.databases: dict[int, list[object]] = {}  # by thread; Django keeps each thread's for good
        self.looks_at = 0.0  # monotonic seconds of its next look
        self.steps: list[Callable[[Run], None]] = [_raise_error, _interrupt_databases, _shut_socket, _end_children]

    def start(self) -> None:
        interpreter = threading.current_thread().name
        threading.Thread(target=self._watch, name=f"{interpreter}.watchdog").start()

    def leave(self) -> None:
        """A thread leaves, with no more work to come."""
        with self.lock:
            self.threads -= 1
        descriptors.signal(self.descriptor)

    def guard(
        self, seat: Seat, seconds: float, too_late: type[BaseException], cancelled: type[BaseException] | None = None
    ) -> Run:
        """A block of this thread, for `with`."""
        return Run(self, seat, seconds, too_late, cancelled)

    def databases_of_thread(self) -> list[object]:
        thread = threading.get_ident()
        if thread not in self.databases:
            self.databases[thread] = [connections[alias] for alias in connections]
        return self.databases[thread]

    def _watch(self) -> None:
        poll = descriptors.poll_of([self.descriptor])
        while self.threads:
            seconds = self._seconds_until_next()
            self.looks_at = time.monotonic() + seconds if seconds is not None else 0.0
            poll.poll(None if seconds is None else max(0.0, seconds) * 1000 + 1)
            with contextlib.suppress(MemoryError):  # its own: another thread may have taken all
                self._look()

    def _look(self) -> None:
        while descriptors.take(self.descriptor):
            pass
        with self.lock:
            self.runs = [run for run in self.runs if not run.has_gone_on]  # its error may have come amid its __exit__
            for run in self.runs:
                self._look_at(run, time.monotonic())

    def _seconds_until_next(self) -> float | None:
        with self.lock:
            steps = [step for run in self.runs if (step := run.next_step or run.deadline)]
        return min(steps) - time.monotonic() if steps else None

    def _look_at(self, run: Run, now: float) -> None:
        if run.has_stopped:
            return
        if run.error is None:
            if run.cancelled and run.is_cancelled():
                run.error = run.cancelled
            elif is_too_greedy(run.seat.row):
                run.error = MemoryError
            elif run.deadline and now >= run.deadline:
                run.error = run.too_late
            else:
                return
        if run.rung < len(self.steps) and now >= run.next_step:
            run.rung += 1
            run.next_step = now + (HURRIED_STEP if run.error is MemoryError else run.step)
            with contextlib.suppress(Exception):  # of a database that is away, say: the next rung comes all the same
                self.steps[run.rung - 1](run)
            if run.error is MemoryError and run.rung > 1:
                _raise(run, Insisted)
        elif run.rung == len(self.steps):
            run.next_step = now + 60  # main's turn, where there was a deadline or a cancel


def _raise_error(run: Run) -> None:
    assert run.error is not None
    _raise(run, run.error)


def _raise(run: Run, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(run.thread), ctypes.py_object(error))


def _interrupt_databases(run: Run) -> None:
    for wrapper in run.databases:
        connection = getattr(wrapper, "connection", None)
        for name in ("interrupt", "cancel"):  # SQLite's and PostgreSQL's
            if hasattr(connection, name):
                getattr(connection, name)()


def _shut_socket(run: Run) -> None:
    descriptor = blocked.descriptor_of(run.native)
    if descriptor is not None and descriptor not in run.seat.assignment.descriptors:
        blocked.shut(descriptor)


def _end_children(run: Run) -> None:
    for child in blocked.children_of(run.native):
        os.kill(child, signal.SIGKILL)
