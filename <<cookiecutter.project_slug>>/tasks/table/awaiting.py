"""Waiting for a task to end: `tasks.wait` in a thread, `tasks.await_result` in a coroutine.

Who waits takes a place: a cell on the board that names the task, and the descriptor that belongs to it. Who writes the
end of a task looks through these cells, whichever interpreter they belong to, and signals the descriptors. Who waits
takes the place first and looks at the row then; who ends a task writes the row first and looks at the cells then. So
one of the two sees the other.

An interpreter has as many places as threads. Without one (all are taken; manage.py shell), and for what ends on
another node or with its process, the row is looked at now and then.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.db import connection
from django.tasks import TaskResult

from runtime.interpreter import inside
from runtime.shared import descriptors
from runtime.shared.board import Cell, halves
from tasks.errors import WaitsForever

FIRST_LOOK, LONGEST_PAUSE = 0.005, 0.5  # seconds between two looks at the row, doubled each time

_taking_a_place = threading.Lock()


def wait(result: TaskResult, seconds: float) -> TaskResult:
    """Return the result once its task has ended, well or not: at once where it has.

    Raises TimeoutError after `seconds`, and WaitsForever where nobody could run the task meanwhile.
    """
    if result.is_finished:
        return result
    with _place(result) as descriptor:
        pauses = _pauses(result, seconds, descriptor)
        result.refresh()
        while not result.is_finished:
            _sleep(descriptor, next(pauses))
            result.refresh()
    return result


async def await_result(result: TaskResult, seconds: float) -> TaskResult:
    """As `wait`, for asynchronous code."""
    if result.is_finished:
        return result
    with _place(result) as descriptor:
        pauses = _pauses(result, seconds, descriptor)
        await result.arefresh()
        while not result.is_finished:
            await _sleep_in_loop(descriptor, next(pauses))
            await result.arefresh()
    return result


def tell(task_id: UUID) -> None:
    """Wake who waits for this task, whose end has been written, and tell the pages that show it."""
    if inside.current is None or inside.board is None:
        return
    number = _number(task_id)
    inside.board.watched.end(number)
    awaited = inside.board.column(Cell.AWAITED)
    if number in awaited:  # mostly not: a microsecond for each task
        for seat in (seat for seat, other in enumerate(awaited) if other == number):
            descriptors.signal(inside.current.wakeups.finished[seat])


def _number(task_id: UUID) -> int:
    """What names a task in a cell; never 0."""
    return halves(task_id.int)[1]


@contextmanager
def _place(result: TaskResult) -> Iterator[int | None]:
    """Take a place of this interpreter, and give its descriptor; None where there is none."""
    current, board, number = inside.current, inside.board, _number(UUID(result.id))
    if current is None or board is None:
        yield None
        return
    with _taking_a_place:
        seat = next((seat for seat in current.seats if not board.seat(seat)[Cell.AWAITED]), None)
        if seat is not None:
            while descriptors.take(current.wakeups.finished[seat]):
                pass
            board.seat(seat)[Cell.AWAITED] = number
    try:
        yield None if seat is None else current.wakeups.finished[seat]
    finally:
        if seat is not None:
            board.seat(seat)[Cell.AWAITED] = 0


def _pauses(result: TaskResult, seconds: float, descriptor: int | None) -> Iterator[float]:
    """How long to sleep before each further look."""
    _refuse_to_wait_forever(result)
    end, pause = time.monotonic() + seconds, FIRST_LOOK if descriptor is None else LONGEST_PAUSE
    while (left := end - time.monotonic()) > 0:
        yield min(left, pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    raise TimeoutError(f"{result.task.module_path} {result.id} is {result.status} after {seconds} s.")


def _refuse_to_wait_forever(result: TaskResult) -> None:
    """For what is plain to see. A pool of two threads may still wait for each other, until the seconds are over."""
    if connection.in_atomic_block:
        raise WaitsForever(
            f"{result.task.module_path}: a task that was enqueued in a transaction runs after its end, so wait for it "
            "there. In a test, call tasks.testing.run_pending() first."
        )
    if inside.current is None:
        return
    queue, own = result.task.queue_name, inside.current.pool
    pools = [pool for pool in inside.current.plan.workers if queue in pool.queues]
    if [pool.name for pool in pools] == [own] and pools[0].count[1] * pools[0].threads == 1:
        raise WaitsForever(
            f"{result.task.module_path}: the only thread of the pool {own} waits for a task that no other one runs. "
            f"Enqueue it to another queue than {queue}, or give the pool more threads."
        )


def _sleep(descriptor: int | None, seconds: float) -> None:
    poll = descriptors.poll_of([] if descriptor is None else [descriptor])
    if poll.poll(seconds * 1000) and descriptor is not None:
        descriptors.take(descriptor)


async def _sleep_in_loop(descriptor: int | None, seconds: float) -> None:
    if descriptor is None:
        return await asyncio.sleep(seconds)
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, woken.set)
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), seconds)
    finally:
        loop.remove_reader(descriptor)
    descriptors.take(descriptor)
