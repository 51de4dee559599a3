"""A worker thread's mailbox: an offer goes out; an alert comes in, a task, and what became of its insert."""

import os
import time
from collections.abc import Callable
from functools import partial

from runtime.interpreter.inside import Seat
from runtime.shared import descriptors, processors
from tasks.table import queue, wakeup
from tasks.table.handover import ALERT, FAILED, INSERTED, read, unpack
from tasks.table.patience import until_it_passes
from tasks.table.rows import ClaimedTask
from tasks.worker.attempt import Attempt

LOOK_AT_FIRST = 0.001  # seconds without sleep: a letter takes less, and a thread that slept takes long to be woken
LONGEST_INSERT = 5.0  # seconds that a worker waits for a task that is being inserted while others wait for the worker
LONGEST_LEAVE = 22.0  # seconds: beyond the time for which an insert waits for SQLite's lock (20)


class Mailbox:
    """`begin` makes an attempt of the task that was handed over."""

    def __init__(self, seat: Seat, begin: Callable[[ClaimedTask], Attempt]) -> None:
        self.seat, self.claim, self.begin = seat, seat.assignment.claim, begin
        self.box, self.slot = seat.assignment.wakeups.mailboxes[seat.number]
        self.letters = descriptors.poll_of([self.box])
        self.offered = False
        self.has_waited = False
        self.attempt: Attempt | None = None  # of the task that was posted
        self.outcome = b""  # of its insert
        while read(self.slot) or read(self.box):  # of who sat here before
            pass

    def offer(self) -> None:
        """Before this thread goes to sleep."""
        if not self.offered:
            os.write(self.box, self.claim.encode())
            self.offered, self.has_waited = True, False

    def collect(self) -> Attempt | None:
        """Take the offer back, or the task that it was taken for."""
        if self.offered:
            self.seat.rest()
        if self.offered and self.attempt is None:
            letter = self._letter()
            if letter == INSERTED:  # of the task before: posted twice, as its enqueuer was interrupted at the first
                letter = self._letter()
            if letter == FAILED or (not letter and read(self.slot)):
                self.offered = False
            elif letter := letter or self._wait_for_letter():
                self.attempt = self.begin(unpack(letter, self.claim))
                self.attempt.prepare()
        return self._inserted(self.attempt) if self.attempt else None

    def leave(self) -> None:
        """This thread ends; what it was given goes back, and it waits for an insert that waits for SQLite's lock."""
        end = time.monotonic() + LONGEST_LEAVE
        while self.offered and time.monotonic() < end:
            self.has_waited = False
            if attempt := until_it_passes(self.collect):
                until_it_passes(partial(queue.release, attempt.claimed))
                wakeup.wake(attempt.claimed.queue)

    def _inserted(self, attempt: Attempt) -> Attempt | None:
        """The attempt, once its task is in the table; None where it is not, or not yet."""
        self.outcome = self.outcome or self._letter() or self._wait_for_letter()
        if not self.outcome:
            return None
        # Whatever went wrong with the insert, it may have been carried out.
        is_ours = self.outcome != FAILED or attempt.claimed.id in (task.id for task in queue.held(self.claim))
        self.offered, self.attempt, self.outcome = False, None, b""
        return attempt if is_ours else None

    def _wait_for_letter(self) -> bytes:
        """The next letter; b"" where it takes too long. From then on it is only looked for between other tasks."""
        if not self.has_waited and (letter := self._look()):
            return letter
        if not self.letters.poll(0 if self.has_waited else LONGEST_INSERT * 1000):
            self.has_waited = True
        return self._letter()

    def _letter(self) -> bytes:
        """What is in the box; after an alert, what comes now. b"" where nothing is there."""
        letter = self._read()
        return self._look() if letter == ALERT else letter

    def _look(self) -> bytes:
        end = time.perf_counter() + LOOK_AT_FIRST
        while not (letter := self._read()) or letter == ALERT:
            if not letter and time.perf_counter() >= end:
                return b""
        return letter

    def _read(self) -> bytes:
        letter = read(self.box)
        if letter == ALERT:
            processors.use_any()  # who alerts this thread has had it wake up on another one
        return letter
