"""Handing over: a task that is enqueued while a worker of its queue sleeps is given to that worker, not looked for.

A worker thread that goes to sleep leaves an offer in its mailbox (mailbox.py): its claim. Who enqueues takes an offer,
posts the task, inserts it as claimed under the offer, and posts how that went. So the worker wakes up and prepares
while the insert is on its way, and need not search: it begins in half the time.

Only one can take an offer, an enqueuer or back the worker: the kernel sees to that. Whoever takes one posts how it
went, whatever happens. Before all that, at the first line of enqueue(), the worker is alerted: a thread that sleeps
takes as long to wake up as a task to be made ready.
"""

import contextlib
import marshal
import os
from datetime import UTC, datetime
from fcntl import ioctl
from termios import FIONREAD
from uuid import UUID

from django.db import connection

from runtime.interpreter import inside
from runtime.shared import processors
from runtime.shared.board import Cell, pool_number
from tasks.table import queue, wakeup
from tasks.table.rows import ClaimedTask, NewTask

LARGEST_LETTER = 50_000  # bytes; what is larger is looked for
ALERT, INSERTED, FAILED = b"alert", b"inserted", b"failed"


def alert(queue_name: str) -> None:
    """Wake a worker that sleeps beside this queue: a task is probably coming. It goes back to sleep if none does."""
    if inside.current is None or connection.in_atomic_block or wakeup.is_paused(queue_name):
        return
    for slot, thread in _idle(queue_name):
        if thread and any(ioctl(slot, FIONREAD, bytes(4))):  # its offer is there: it sleeps, or is about to
            processors.keep_off_this(thread)
            with contextlib.suppress(BlockingIOError):  # it has more to read than it can be asleep with
                os.write(slot, ALERT)
            return


def hand_over(task: NewTask) -> bool:
    """Insert a task as claimed by a worker that sleeps beside its queue. False where it is not in the table."""
    if inside.current is None or task.waits_until or task.unique_key or connection.in_atomic_block:
        return False
    if wakeup.is_paused(task.queue):
        return False
    letter = pack(task)
    for slot, _ in _idle(task.queue) if len(letter) < LARGEST_LETTER else ():
        if offer := read(slot):
            break
    else:
        return False
    outcome = FAILED
    try:
        os.write(slot, letter)
        if queue.insert_claimed(task, offer.decode()):  # else the queue was paused just now
            outcome = INSERTED
    finally:
        _post(slot, outcome)
    return outcome == INSERTED


def pack(new: NewTask) -> bytes:
    fields = new.id.bytes, new.task, new.backend, new.queue, new.priority, new.arguments, new.enqueued_at.timestamp()
    return marshal.dumps(fields)


def unpack(letter: bytes, claim: str) -> ClaimedTask:
    task_id, task, backend, queue, priority, arguments, enqueued = marshal.loads(letter)  # noqa: S302  our own
    at = datetime.fromtimestamp(enqueued, UTC)
    return ClaimedTask(UUID(bytes=task_id), task, backend, queue, priority, arguments, at, at, at, claim)


def _idle(queue_name: str) -> list[tuple[int, int]]:
    """The worker threads on which nothing runs: the slot of each one's mailbox, and its native id (0: none yet)."""
    assert inside.current is not None
    assert inside.board is not None
    board, mailboxes = inside.board, inside.current.wakeups.mailboxes
    pools = [pool_number(pool.name) for pool in inside.current.plan.workers if queue_name in pool.queues]
    return [(mailboxes[seat][1], board.seat(seat)[Cell.THREAD]) for seat in board.sleeping(pools)]


def _post(slot: int, letter: bytes) -> None:
    try:
        os.write(slot, letter)
    except BaseException:  # the error of a request's timeout can be raised at any line, but only once
        os.write(slot, letter)
        raise


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 2 * LARGEST_LETTER)
    except BlockingIOError:
        return b""
