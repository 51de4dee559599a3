"""One interpreter seen from the main interpreter: a thread that creates it, runs it to its end and closes it."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent import interpreters
from typing import Any

# These extension modules race when two interpreters import them for the first time (CPython 136421): main comes first.
import datetime  # noqa: F401  # isort: skip
import decimal  # noqa: F401  # isort: skip
import sqlite3  # noqa: F401  # isort: skip
import zoneinfo  # noqa: F401  # isort: skip

from runtime.interpreter import inside
from runtime.interpreter.inside import Assignment
from runtime.interpreter.kinds import close, create
from runtime.shared import descriptors, frames


def call_once(kind: str, target: str, *arguments: object) -> Any:
    """Run the function `target` ("module:function") in an interpreter made for this call, and return its result."""
    if kind == "main":
        return inside.call(target, *arguments)
    interpreter = create(kind)
    try:
        return interpreter.call(inside.call, target, *arguments)
    finally:
        close(interpreter)


def open_descriptors(threads: int) -> tuple[int, int, list[tuple[socket.socket, socket.socket]]]:
    """To end an interpreter, to wake its watchdog, a socket for each thread: all or none. Host.close() closes them."""
    with contextlib.ExitStack() as undo:
        stop = descriptors.event()
        undo.callback(os.close, stop)
        watch = descriptors.event()
        undo.callback(os.close, watch)
        sockets = [frames.pair() for _ in range(threads)]
        undo.pop_all()
    return stop, watch, sockets


class Host:
    """Owns an interpreter, its thread, its stop signal and, in the web pool, main's ends of its sockets."""

    def __init__(self, assignment: Assignment, sockets: list[tuple[socket.socket, socket.socket]]) -> None:
        self.assignment = assignment
        self.sockets = sockets
        self.thread: threading.Thread | None = None
        self.started = time.monotonic()
        self.ready = False
        self.asked_to_stop = False
        self.abandoned = False
        self.being_replaced = False
        self.on_trial = False  # the one that it is to replace still serves
        self.objects = 0  # that its interpreter had when it became ready
        self.keep_until = 0.0  # monotonic seconds; it is not recycled before
        self.reason = ""  # of its death

    @property
    def name(self) -> str:
        return self.assignment.name

    @property
    def number(self) -> int:
        """In its pool; the first is 1."""
        return int(self.name.rpartition("-")[2])

    @property
    def serves(self) -> bool:
        return self.ready and not self.asked_to_stop

    @property
    def is_lost(self) -> bool:
        """Whether it has died or was given up: it did not leave because it was asked to."""
        return self.abandoned or bool(self.reason)

    def start(self, memory: memoryview, ended: Callable[[Host, str], None]) -> None:
        """`ended(host, reason)` is called in this host's thread; the reason is "" where it left as asked."""
        self.started = time.monotonic()
        self.thread = threading.Thread(target=self._run, args=(memory, ended), name=self.name, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Ask the interpreter to leave: workers through their stop signal, web threads by the end of their socket."""
        if not self.asked_to_stop:
            self.asked_to_stop = True
            self._signal_stop()

    def stop_after_error(self) -> None:
        """One of its threads has failed: the others leave too, and the interpreter counts as dead."""
        if not self.asked_to_stop:
            self._signal_stop()

    def _signal_stop(self) -> None:
        descriptors.signal(self.assignment.stop)
        for main, _ in self.sockets:
            with contextlib.suppress(OSError):
                main.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Give the descriptors back, once the interpreter has ended."""
        for main, web in self.sockets:
            main.close()
            web.close()
        os.close(self.assignment.stop)
        os.close(self.assignment.watch)

    def _run(self, memory: memoryview, ended: Callable[[Host, str], None]) -> None:
        ended(self, self._run_interpreter(memory))

    def _run_interpreter(self, memory: memoryview) -> str:
        try:
            if self.assignment.kind == "main":
                result = inside.enter(self.assignment, memory)
            else:
                interpreter = create(self.assignment.kind)
                try:
                    result = interpreter.call(inside.enter, self.assignment, memory)
                finally:
                    for queue in self.assignment.wakeups.memory.values():
                        queue.adopt()
                    close(interpreter)
        except interpreters.ExecutionFailed as error:
            return error.excinfo.errdisplay or str(error)
        except BaseException as error:  # SystemExit too: else nobody hears of the end
            return repr(error)
        if result is None:
            return "MemoryError"  # the one error that Interpreter.call() does not report
        return "" if self.asked_to_stop else "its loop has ended without being asked to"
