"""The first lines that run in an interpreter: set Django up, take a seat on the board, run one loop per thread."""

import contextlib
import gc
import logging
import os
import pkgutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runtime.shared import descriptors
from runtime.shared.agreement import CHANGED, fingerprint
from runtime.shared.board import Board, Cell, State, halves
from runtime.shared.descriptors import Wakeups
from runtime.shared.plan import Plan

logger = logging.getLogger("server")

COUNT_EVERY = 10_000_000_000  # ns between two counts of an interpreter's objects: one takes 2 to 4 ms
WORKERS_NICE = 5
MOVES_WITHIN = 500_000_000  # ns that a loop has for the server's own work between two things (stillness.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why an interpreter works no more: its successor writes it into the rows of the tasks that it held."""

    claim: str
    reason: str  # a sentence
    tasks: dict[str, str]  # id → "timeout" or "cancelled", of those given up; others are lost, but on `seats`
    stacks: dict[str, str] = field(default_factory=dict)  # id → where it was when it was given up
    seats: tuple[int, ...] = ()  # where its other threads go on with what they run; none where it died


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What an interpreter is told of itself. It crosses to the interpreter pickled."""

    name: str  # "default-1"
    pool: str
    kind: str
    target: str  # "module:function": called once, gives the loop for each thread
    boot: str  # "node/boot": the id of this start of the process
    generation: int  # interpreters that had this name before, in this boot
    seats: tuple[int, ...]  # on the board, one for each thread
    board_seats: int
    wakeups: Wakeups
    stop: int  # event descriptor: readable for good once this interpreter is to leave
    watch: int  # event descriptor: wakes its watchdog
    sockets: tuple[int, ...]  # web: the descriptor of each thread
    waiting_room: int  # web: the descriptor from which all threads take
    housekeeper: bool  # one worker interpreter of the node keeps house
    plan: Plan
    fingerprint: str  # of the code that main has read (agreement.py)
    verdicts: tuple[Verdict, ...] = ()  # on predecessors of this name, which nobody has settled yet

    @property
    def descriptors(self) -> set[int]:
        """The server's own, which nobody may shut."""
        return {*self.wakeups.descriptors, self.stop, self.watch, self.waiting_room, *self.sockets}

    @property
    def claim(self) -> str:
        return f"{self.boot}/{self.name}/{self.generation}"


class Seat:
    """One thread's place on the board, seen by the thread itself."""

    def __init__(self, assignment: Assignment, board: Board, index: int) -> None:
        self.assignment, self.board, self.index = assignment, board, index
        self.number = assignment.seats[index]
        self.row = board.seat(self.number)
        self.stop = descriptors.poll_of([assignment.stop])
        self.counted = 0  # monotonic ns of the last count of objects

    def settle(self) -> None:
        self.row[Cell.DONE] = self.row[Cell.BUSY_SINCE] = self.row[Cell.TASK_HIGH] = self.row[Cell.TASK_LOW] = 0
        self.row[Cell.AWAITED] = self.row[Cell.MOVES_BY] = 0
        self.row[Cell.THREAD] = threading.get_native_id()
        self.row[Cell.ALIVE] = time.monotonic_ns()
        self._count_objects()

    def must_leave(self) -> bool:
        """Whether main has asked this interpreter to leave."""
        return bool(self.stop.poll(0))

    def pause(self, seconds: float) -> None:
        """Wait, at the longest until this interpreter is to leave."""
        self.rest()
        self.stop.poll(seconds * 1000)

    def turn(self, within: int = MOVES_WITHIN) -> None:
        """The loop has come round, and will again in a moment: in so many ns."""
        now = time.monotonic_ns()
        self.row[Cell.ALIVE], self.row[Cell.MOVES_BY] = now, now + within

    def rest(self) -> None:
        """Until the next turn the loop need not move: it sleeps, or waits for what has a limit of its own."""
        self.row[Cell.MOVES_BY] = 0

    def busy(self) -> None:
        self.rest()
        self.row[Cell.BUSY_SINCE] = self.row[Cell.ALIVE] = time.monotonic_ns()

    def idle(self) -> None:
        row, now = self.row, time.monotonic_ns()
        row[Cell.BUSY_SINCE], row[Cell.ALIVE] = 0, now
        row[Cell.DONE] += 1
        if now - self.counted > COUNT_EVERY:
            self._count_objects()

    def _count_objects(self) -> None:
        """How large this interpreter has grown.

        Not sys.getallocatedblocks(): that walks through the memory of all interpreters without their GILs, and
        crashes the process when one of them is being closed.
        """
        self.counted = self.row[Cell.ALIVE]
        with contextlib.suppress(MemoryError):
            self.row[Cell.OBJECTS] = len(gc.get_objects())

    def show_task(self, number: int) -> None:
        """Show which task runs here: its id as a number; 0: none."""
        row = self.row
        row[Cell.PROGRESS_DONE] = row[Cell.PROGRESS_TOTAL] = 0
        row[Cell.TASK_HIGH], row[Cell.TASK_LOW] = halves(number)

    def is_held(self) -> bool:
        """Whether no task may begin here: memory is short, and tasks of this pool have taken much."""
        return bool(self.row[Cell.HELD])

    def show_state(self, state: State) -> None:
        self.row[Cell.STATE] = state
        descriptors.signal(self.assignment.wakeups.supervisor)


type Loop = Callable[[Seat], None]

# Of the interpreter that reads them; None outside the server (manage.py).
current: Assignment | None = None
board: Board | None = None


def enter(assignment: Assignment, memory: memoryview) -> str:
    """Run the loops of an interpreter until all have ended. Returns "stopped"; None was a MemoryError."""
    global current, board
    if assignment.fingerprint != fingerprint():
        raise RuntimeError(CHANGED)
    current = assignment
    threading.current_thread().name = assignment.name
    if assignment.kind == "legacy":
        start_no_daemons()
    board = shared = Board(assignment.plan.queues, assignment.board_seats, memory)
    _find("django:setup")()
    loop: Loop = _find(assignment.target)(assignment)
    seats = [Seat(assignment, shared, index) for index in range(len(assignment.seats))]
    _run_threads(loop, seats)
    return "stopped"


def start_no_daemons() -> None:
    """Threads are daemons where the one that starts them is, and in a legacy interpreter this one is.

    Closing an interpreter does not wait for daemons: each would hang for good where it next wants the GIL. An isolated
    interpreter allows none.
    """
    threading.current_thread()._daemonic = False  # type: ignore[attr-defined]


def call(target: str, *arguments: Any) -> Any:
    """Run one function and return what it returns (boot.py). The function sets Django up where it needs it."""
    threading.current_thread().name = "boot"
    return _find(target)(*arguments)


def _find(target: str) -> Any:
    """What "module:function" names, in the environment of manage.py."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    return pkgutil.resolve_name(target)


def _give_way(assignment: Assignment) -> None:
    """A task lets a request go first where both want a processor: it has a third of the request's weight.

    Not where it shares the GIL of main, which would wait with it.
    """
    if assignment.kind == "isolated" and not assignment.sockets:
        with contextlib.suppress(PermissionError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WORKERS_NICE)


def _run_threads(loop: Loop, seats: list[Seat]) -> None:
    """One thread for each seat, this one included. The first error of any is raised when all have ended."""
    errors: list[BaseException] = []

    def run(seat: Seat) -> None:
        try:
            _give_way(seat.assignment)
            seat.settle()
            if seat is seats[0]:
                seat.show_state(State.READY)
            loop(seat)
        except BaseException as error:
            logger.exception("the loop has ended with an error")
            errors.append(error)
            seat.show_state(State.LEAVING)  # main asks the other threads to leave
        finally:
            seat.row[Cell.THREAD] = seat.row[Cell.MOVES_BY] = 0

    name = seats[0].assignment.name
    others = [threading.Thread(target=run, args=(seat,), name=f"{name}.{seat.index + 1}") for seat in seats[1:]]
    for thread in others:
        thread.start()
    run(seats[0])
    for thread in others:
        thread.join()
    if errors:
        raise errors[0]
