"""The board: counters and signs of life of every interpreter thread, in memory that all interpreters share.

A board is an array of 64-bit integers. Each interpreter thread has a seat on it, a row. A cell has one writer at a
time, so no lock is needed: the thread that sits there, or another one where it says so; main also clears what a thread
that is gone has left (runtime/supervise). Main reads them all. A seat outlives the interpreter that sat there: what has
ended there is counted on. The gauges, one row per queue, are written by the housekeeper alone (tasks/house/keeper.py).
Behind them lie the ids of watched tasks (watched.py).
"""

from bisect import bisect_left
from enum import IntEnum, unique
from zlib import crc32

from runtime.shared import watched

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)  # seconds
OUTCOMES = ("successful", "failed", "retried", "timeout", "cancelled", "lost")


class State(IntEnum):
    EMPTY = 0
    STARTING = 1
    READY = 2
    LEAVING = 3


@unique
class Cell(IntEnum):
    """The first cells of a seat."""

    STATE = 0
    ALIVE = 1  # monotonic ns of the last turn of its loop
    BUSY_SINCE = 2  # monotonic ns; 0: idle
    TASK_HIGH = 3  # the running task's id, as two halves
    TASK_LOW = 4
    DONE = 5  # requests or tasks since this interpreter started
    OBJECTS = 6  # that the garbage collector of this interpreter tracks
    THREAD = 7  # native id of the one that sits here; 0: none does
    PROGRESS_DONE = 8
    PROGRESS_TOTAL = 9
    DEADLINE = 10  # monotonic ns by which the running work should have ended; 0: none
    CANCELLED = 11  # BUSY_SINCE of the task that is to end as somebody has cancelled it; main's to write
    CANCELLED_AT = 12  # monotonic ns; main's to write
    POOL = 13  # number of the pool that sits here; main's to write
    GATE = 14  # tasks/worker/gate.py: whether a task runs here, or runs alone
    HELD = 15  # 1: takes no new task while memory is high; main's to write
    TOO_GREEDY = 16  # BUSY_SINCE of the work that is to end with a MemoryError; main's to write
    AWAITED = 17  # lower half of the id of a task that is waited for here, by any thread (awaiting.py); 0: none
    WRITING = 18  # 1: this thread writes a success to the database (tasks/worker/write_turns.py)
    MOVES_BY = 19  # monotonic ns by which its loop says it will have moved (stillness.py); 0: it need not
    LETTER = 20  # 1 + the place in a memory queue of the task that runs here (memory_queue.py); 0: it has none
    DRAINS = 21  # 1: when asked to leave, runs what the memory queues hold first; main's to write
    GONE = 22  # number of the request whose answer nobody wants any more; main's to write
    LEAVES = 23  # 1: takes no request from the waiting room; main's to write


class Gauge(IntEnum):
    READY = 0
    RUNNING = 1
    OLDEST = 2  # ms that the oldest ready task has waited
    COUNTED = 3  # monotonic ns of this count
    PAUSED = 4  # 1: nobody is woken for its tasks, and none in memory begins


# Behind the cells of a seat, for each queue: the outcomes, the histogram of its task seconds, and their sum in µs.
PER_QUEUE = len(OUTCOMES) + len(BUCKETS) + 1 + 1


def pool_number(name: str) -> int:
    """How Cell.POOL names a pool: the same whatever order the settings have."""
    return crc32(name.encode())


def is_cancelled(row: memoryview) -> bool:
    """Whether somebody has cancelled the task that runs on this seat: this run of it, not one that came before."""
    return 0 < row[Cell.BUSY_SINCE] == row[Cell.CANCELLED]


def is_too_greedy(row: memoryview) -> bool:
    """Whether the work on this seat is to end, as it has taken too much memory."""
    return 0 < row[Cell.BUSY_SINCE] == row[Cell.TOO_GREEDY]


def task_id(row: memoryview) -> str:
    """The id of the task that runs on this seat, as 32 hexadecimal digits."""
    return f"{row[Cell.TASK_HIGH] % 2**64:016x}{row[Cell.TASK_LOW] % 2**64:016x}"


def halves(number: int) -> tuple[int, int]:
    """A 128-bit number as two signed 64-bit ones, as the cells hold them."""
    data = number.to_bytes(16)
    return int.from_bytes(data[:8], signed=True), int.from_bytes(data[8:], signed=True)


class Board:
    """Rows of a shared memoryview; every interpreter makes a Board of its own over the same memory."""

    def __init__(self, queues: tuple[str, ...], seats: int, memory: memoryview | None = None) -> None:
        self.queues, self.seats = queues, seats
        self.main_seat, self.housekeeper_seat = seats - 1, seats - 2  # for the lost tasks that each of them counts
        self.width = len(Cell) + PER_QUEUE * len(queues)
        size = 8 * (self.width * seats + len(Gauge) * len(queues) + watched.CELLS)
        self.memory = memoryview(bytearray(size)) if memory is None else memory
        self.cells = self.memory.cast("q")
        self.watched = watched.Watched(self.cells[-watched.CELLS :])

    def seat(self, number: int) -> memoryview:
        return self.cells[number * self.width : (number + 1) * self.width]

    def column(self, cell: int) -> list[int]:
        """One cell of every seat."""
        return self.cells[cell : self.width * self.seats : self.width].tolist()

    def sleeping(self, pools: list[int]) -> list[int]:
        """The seats of these pools (numbers) on which nothing runs, and something may: asleep, or about to be."""
        seats = [seat for seat, pool in enumerate(self.column(Cell.POOL)) if pool in pools]
        rows = [(seat, seat * self.width) for seat in seats]
        return [seat for seat, row in rows if not (self.cells[row + Cell.BUSY_SINCE] or self.cells[row + Cell.HELD])]

    def gauges(self, queue: str) -> memoryview:
        start = self.width * self.seats + len(Gauge) * self.queues.index(queue)
        return self.cells[start : start + len(Gauge)]

    def is_paused(self, queue: str) -> bool:
        return queue in self.queues and bool(self.gauges(queue)[Gauge.PAUSED])

    def count_outcome(self, seat: int, queue: str, outcome: str, seconds: float | None = None, number: int = 1) -> None:
        """Add ended attempts to the counters of a seat; with `seconds`, to the histogram as well."""
        row, start = self.seat(seat), self._start(queue)
        row[start + OUTCOMES.index(outcome)] += number
        if seconds is not None:
            row[start + len(OUTCOMES) + bisect_left(BUCKETS, seconds)] += 1
            row[start + PER_QUEUE - 1] += int(seconds * 1e6)

    def outcomes(self, queue: str) -> dict[str, int]:
        """Ended attempts by outcome, over all seats."""
        start = self._start(queue)
        return {name: sum(self.column(start + number)) for number, name in enumerate(OUTCOMES)}

    def task_seconds(self, queue: str) -> tuple[list[int], float]:
        """The histogram's buckets (the last one is for all above) and the sum of seconds, over all seats."""
        start = self._start(queue) + len(OUTCOMES)
        *buckets, spent = (sum(self.column(cell)) for cell in range(start, start + len(BUCKETS) + 2))
        return buckets, spent / 1e6

    def _start(self, queue: str) -> int:
        return len(Cell) + PER_QUEUE * self.queues.index(queue)
