"""A queue of tasks in memory, from one interpreter to another: what tasks.backends.InterpreterQueueBackend enqueues to.

Order and hand-over are a `concurrent.interpreters.Queue`'s. What goes through it is the number of a place; the letter,
which says what to run, lies at that place of a file in memory. Both because of what such a Queue does with objects:

- An object stays with the interpreter that has put it in, until the one that gets it hands it back by a pending call.
  CPython keeps 300 of these for an interpreter that sleeps (CPython 110693), and leaks the rest: 70 MB of ten thousand
  letters of 10 kB. Of a number there is nothing to hand back.
- An item goes with the interpreter that has put it in: `get` gives UNBOUND once that is closed. So main puts all in
  again, as its own, before it closes one (`adopt`).
"""

import logging
import marshal
import os
import threading
from concurrent import interpreters
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from runtime.shared import descriptors
from runtime.shared.log import event

PLACE = 8192  # bytes of the longest letter; of a shorter one, the memory file has one page
MOST_PLACES = 10_000  # adopt() takes 3 µs for each, with main's GIL

_adopting = threading.Lock()


class Letter(NamedTuple):
    """What is to run."""

    id: bytes
    task: str
    backend: str
    queue: str
    arguments: dict[str, Any]  # JSON
    enqueued: float  # seconds since 1970

    def pack(self) -> bytes:
        return marshal.dumps(tuple(self))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(*marshal.loads(data))  # noqa: S302  our own


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryQueue:
    """A place is free, or waits, or is in the hand of the worker thread that runs its task (Cell.LETTER)."""

    places: range  # its own; no other queue has the same
    free: interpreters.Queue
    waiting: interpreters.Queue  # in the order of their enqueue
    memory: int  # descriptor of the file in memory that all queues share
    signal: int  # event descriptor: counts the letters that nobody was woken for yet

    @classmethod
    def make_all(cls, sizes: tuple[tuple[str, int], ...]) -> dict[str, Self]:
        """A queue for each (name, how many tasks may wait or run). Made in main, whose they are for good."""
        memory = os.memfd_create("tasks", os.MFD_CLOEXEC) if sizes else -1
        made: dict[str, Self] = {}
        start = 0
        for name, size in sizes:
            places = range(start, start := start + size)
            free, waiting = interpreters.create_queue(), interpreters.create_queue()
            made[name] = cls(places=places, free=free, waiting=waiting, memory=memory, signal=descriptors.event())
            for place in places:
                free.put_nowait(place)
        return made

    @property
    def number_waiting(self) -> int:
        return self.waiting.qsize()

    def is_full(self) -> bool:
        return self.free.empty()

    def post(self, letter: Letter, *, wakes: bool = True) -> bool:
        """Put a letter at the end, and wake a worker; False where there is no place for it."""
        place = _next(self.free)
        if place is None:
            return False
        os.pwrite(self.memory, letter.pack(), place * PLACE)
        self.put_back(place, wakes)
        return True

    def take(self) -> int | None:
        """The place of the next letter, which is in the caller's hand from here on; None where nothing waits."""
        place = _next(self.waiting)
        if place is not None:
            descriptors.take(self.signal)
        return place

    def read(self, place: int) -> Letter:
        return Letter.unpack(os.pread(self.memory, PLACE, place * PLACE))

    def put_back(self, place: int, wakes: bool = True) -> None:
        """To the end: it is new, or its task is not to run right now."""
        try:
            self.waiting.put_nowait(place)
            if wakes:
                descriptors.signal(self.signal)
        except BaseException:  # the error of a request's timeout can be raised at any line, but only once
            descriptors.signal(self.signal)
            raise

    def clear(self, place: int) -> None:
        """Its task has ended."""
        self.free.put_nowait(place)

    def adopt(self) -> None:
        """Make all that is in it main's: called in main before an interpreter is closed.

        What waits stays in its order; only what others enqueue at this very moment overtakes it.
        """
        with _adopting:
            for _ in range(self.free.qsize()):  # one by one: else it would look full meanwhile
                if (place := _next(self.free)) is not None:
                    self.free.put_nowait(place)
            for place in list(iter(lambda: _next(self.waiting), None)):
                self.waiting.put_nowait(place)
            self.wake()  # who looked while all were out has taken the signal of a letter that he has not seen

    def wake(self) -> None:
        """Signal as often as there are letters."""
        while descriptors.take(self.signal):
            pass
        if number := self.number_waiting:
            descriptors.signal(self.signal, number)


def _next(queue: interpreters.Queue) -> int | None:
    while True:
        try:
            place = queue.get_nowait()
        except interpreters.QueueEmpty:
            return None
        if isinstance(place, int):
            return place
        # A thread that a task had left behind has enqueued it while its interpreter was being closed.
        event("memory_tasks_lost", logging.ERROR, number=1, tasks="unknown", reason="its interpreter was closed")
