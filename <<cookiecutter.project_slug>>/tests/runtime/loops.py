"""What runs inside the interpreters of the tests: loops of a host, and functions that are called once."""

import select
import sys
import threading
import time
from collections.abc import Callable
from concurrent import interpreters
from typing import Any, NoReturn

from runtime.interpreter.inside import Assignment, Loop, Seat
from runtime.shared.board import Board, Cell, State


def until_told(assignment: Assignment) -> Loop:
    """A loop that waits for its stop signal."""

    def loop(seat: Seat) -> None:
        _wait_for(assignment.stop)

    return loop


def returns(assignment: Assignment) -> Loop:
    return lambda seat: None


def fails(assignment: Assignment) -> Loop:
    return _raises(lambda: ValueError("no such thing"))


def exits(assignment: Assignment) -> Loop:
    return _raises(lambda: SystemExit(3))


def out_of_memory(assignment: Assignment) -> Loop:
    return _raises(lambda: MemoryError())


def does_not_load(assignment: Assignment) -> NoReturn:
    raise ImportError("no module named nowhere")


def never_starts(assignment: Assignment) -> NoReturn:
    """Hangs as an import can, until its test calls the housekeeper."""
    _wait_for(assignment.wakeups.housekeeper)
    raise ImportError("after all")


def second_thread_fails(assignment: Assignment) -> Loop:
    """The thread of the second seat raises; the first one waits until it is told to leave."""
    waits = until_told(assignment)

    def loop(seat: Seat) -> None:
        if seat.index:
            raise ValueError("the second one")
        waits(seat)

    return loop


def leaves_a_thread(assignment: Assignment) -> Loop:
    """The thread goes on for a moment when the loop has ended."""

    def go_on() -> None:
        _wait_for(assignment.stop)
        time.sleep(0.3)

    threading.Thread(target=go_on).start()
    return until_told(assignment)


def does_not_hear(assignment: Assignment) -> Loop:
    """Waits for its watch signal instead, so a test decides when it ends."""

    def loop(seat: Seat) -> None:
        _wait_for(assignment.watch)

    return loop


def _wait_for(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()


def _raises(error: Callable[[], BaseException]) -> Loop:
    def loop(seat: Seat) -> None:
        raise error()

    return loop


def write_done(memory: memoryview, queues: tuple[str, ...], seats: int) -> None:
    board = Board(queues, seats, memory)
    for number in range(seats):
        board.seat(number)[Cell.DONE] = 100 + number


def describe() -> dict[str, Any]:
    return {"id": interpreters.get_current().id, "path": sys.path, "django": "django.conf" in sys.modules}


def load_pillow() -> str:
    import PIL._imaging

    return PIL._imaging.__name__


def raise_value_error() -> None:
    raise ValueError("as asked")


def raise_memory_error() -> None:
    raise MemoryError


def add(one: int, other: int) -> int:
    return one + other


def state_name(number: int) -> str:
    return State(number).name


def fails_with_a_task(assignment: Assignment) -> Loop:
    """Dies in the middle of a task that has an hour and is to be cancelled then."""

    def loop(seat: Seat) -> None:
        seat.busy()
        seat.show_task(7)
        row = seat.row
        row[Cell.DEADLINE] = row[Cell.CANCELLED_AT] = time.monotonic_ns() + 3600 * 10**9
        row[Cell.CANCELLED] = row[Cell.BUSY_SINCE]
        raise ValueError("in a task")

    return loop


def stuck(assignment: Assignment) -> Loop:
    """Works on a task that should have ended long ago, until its test calls the housekeeper."""

    def loop(seat: Seat) -> None:
        seat.busy()
        seat.show_task(seat.number + 1)
        seat.row[Cell.DEADLINE] = seat.row[Cell.GATE] = seat.row[Cell.WRITING] = 1
        _wait_for(assignment.wakeups.housekeeper)

    return loop
