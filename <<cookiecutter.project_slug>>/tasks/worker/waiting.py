"""What a worker thread does next, and what it sleeps on where there is nothing: descriptors of queues and mailbox."""

from functools import partial

from django.db import close_old_connections

from runtime.interpreter.inside import Seat
from runtime.shared import descriptors
from runtime.shared.plan import WorkerPool
from tasks.table import queue, statements, wakeup
from tasks.table.patience import until_it_passes
from tasks.table.rows import ClaimedTask
from tasks.worker.attempt import Attempt, Guard
from tasks.worker.gate import Gate
from tasks.worker.mailbox import Mailbox
from tasks.worker.memory_worker import Letters

GATE_PAUSE = 1.0  # seconds before a task that may not run now is looked at again
MOST_FROM_MEMORY = 10  # tasks in a row where no signal says that the table has one; a look there takes SQLite's lock
MEMORY_PAUSE = 0.25  # seconds before a thread that may not begin a task for want of memory looks again
DATABASE_PAUSE = 1.0  # seconds before the next claim where the database did not answer


class Waiting:
    """The descriptors that a worker thread sleeps on: of its queues, its mailbox, and the one that ends it.

    A queue's descriptor counts the tasks that lie in the table; whoever claims one takes one from the count. So nobody
    stays awake for what another thread has taken, and where the two differ, the difference is one look that finds
    nothing.
    """

    def __init__(
        self, seat: Seat, pool: WorkerPool, guard: Guard | None = None, takes_along: bool = statements.IS_SQLITE
    ) -> None:
        assignment = seat.assignment
        self.seat, self.guard, self.takes_along = seat, guard, takes_along
        self.mailbox, self.gate, self.letters = Mailbox(seat, self.begin), Gate(seat), Letters(seat, pool, guard)
        self.along: ClaimedTask | None = None  # taken with the end of the one before
        self.has_looked = False
        self.is_unsure = False  # whether a claim was carried out: its answer was lost
        self.queues = {queue: assignment.wakeups.queues[queue] for queue in pool.queues}
        self.from_memory = 0  # tasks since the last look into the table
        self.signals = assignment.wakeups.of(pool.queues)
        self.poll = descriptors.poll_of([assignment.stop, self.mailbox.box, *self.signals])
        self.poll_table = descriptors.poll_of(self.queues.values())
        self.poll_without_database = descriptors.poll_of([assignment.stop, *self.letters.signals])

    def pause_without_database(self) -> None:
        """Before the next try to claim from the table; what is in memory need not wait for it."""
        self.is_unsure = True
        self.seat.rest()
        if not any(descriptors.take(descriptor) for descriptor in self.letters.signals):
            self.poll_without_database.poll(DATABASE_PAUSE * 1000)

    def wait_at_gate(self) -> None:
        """Return once no task runs alone any more, or this thread must leave."""
        while not self.gate.is_open() and not self.seat.must_leave():
            self.seat.pause(GATE_PAUSE / 10)

    def next_attempt(self) -> Attempt | None:
        """What was taken along or handed over, else the next task of the pool."""
        along, self.along = self.along, None
        has_looked, self.has_looked = self.has_looked, False
        if along is not None:
            return self.begin(along)
        return self.mailbox.collect() or self.claim(has_looked)

    def go_on_after(self, attempt: Attempt) -> None:
        self.along, self.has_looked = attempt.next, attempt.has_looked
        if self.along is not None:
            descriptors.take(self.queues[self.along.queue])

    def leave(self) -> None:
        """This thread ends; what it was given and has not begun goes back."""
        if self.along is not None:
            until_it_passes(partial(queue.release, self.along))
            wakeup.wake(self.along.queue)
        self.mailbox.leave()

    def begin(self, claimed: ClaimedTask) -> Attempt:
        """An attempt that takes the next one along with its end, unless one in memory waits for its turn."""
        queues = tuple(self.queues) if self.takes_along and not self.letters.wait() else ()
        return Attempt(claimed, self.seat, self.guard, queues)

    def claim(self, table_has_none: bool = False) -> Attempt | None:
        """The next task of the pool: from memory and from the table in turn, so that neither is kept waiting."""
        if self.seat.is_held():
            return None
        self.seat.rest()
        table_first = not table_has_none and self._is_tables_turn()
        if not table_first and (attempt := self.letters.claim()):
            self.from_memory += 1
            return attempt
        self.from_memory = 0  # where the table raises, memory is next
        if table_has_none:
            return None
        return self._claim_from_table() or (self.letters.claim() if table_first else None)

    def _is_tables_turn(self) -> bool:
        return self.from_memory >= (1 if self.poll_table.poll(0) else MOST_FROM_MEMORY)

    def _claim_from_table(self) -> Attempt | None:
        """The queues come in the order in which the settings name them."""
        if self.is_unsure and not self.mailbox.offered:
            self._release_unseen()
        for name, descriptor in self.queues.items():
            if (task := queue.claim(name, self.seat.assignment.claim)) is not None:
                descriptors.take(descriptor)
                return self.begin(task)
        return None

    def _release_unseen(self) -> None:
        """Give back what this thread has claimed without hearing of it. Threads that share the claim cannot tell."""
        for task in queue.held(self.seat.assignment.claim) if len(self.seat.assignment.seats) == 1 else ():
            queue.release(task)
            wakeup.wake(task.queue)
        self.is_unsure = False

    def wait(self) -> None:
        """Return once there may be work: nothing was found by the last look, which was after the last signal taken."""
        if self.seat.is_held():
            self.seat.pause(MEMORY_PAUSE)
        elif not any(descriptors.take(descriptor) for descriptor in self.signals):
            close_old_connections()
            self.mailbox.offer()
            self.seat.rest()
            self.poll.poll()
