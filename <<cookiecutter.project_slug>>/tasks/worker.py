"""The loop of a worker thread: claim, run, record; asleep on descriptors where nothing waits."""

import logging
import select
import time
from contextlib import AbstractContextManager
from functools import partial

from django.db import close_old_connections, connection

from runtime import wakeup
from runtime.inside import Assignment, Loop, Seat
from runtime.plan import WorkerPool
from runtime.watchdog import Run, Watchdog
from tasks import housekeeping
from tasks.attempt import Attempt, Guard
from tasks.discovery import load_tasks
from tasks.errors import TaskCancelled, TaskTimeout
from tasks.patience import PASSING
from tasks.queue import ClaimedTask
from tasks.queue import claim as claim_from
from tasks.recovery import settle

logger = logging.getLogger("tasks")

DATABASE_PAUSE = 1.0  # seconds before the next claim where the database did not answer


def run(assignment: Assignment) -> Loop:
    """Import the project's tasks before the first one comes, and give the loop for each thread."""
    for module, error in load_tasks().items():
        if error is not None:  # its tasks fail, each by itself; the others run
            logger.error("%s does not import in the pool %s: %r", module, assignment.pool, error)
    settle(assignment)  # before any thread: an interpreter with one left cannot be closed
    if assignment.housekeeper:
        housekeeping.start(assignment)
    pool = next(pool for pool in assignment.plan.workers if pool.name == assignment.pool)
    watchdog = Watchdog(assignment.watch, threads=pool.threads)
    watchdog.start()
    return partial(work, pool, watchdog)


def work(pool: WorkerPool, watchdog: Watchdog, seat: Seat) -> None:
    """Run tasks until this interpreter is to leave; the task at hand is finished first."""
    try:
        _work(pool, watchdog, seat)
    finally:
        watchdog.leave()


def _work(pool: WorkerPool, watchdog: Watchdog, seat: Seat) -> None:
    waiting = Waiting(seat.assignment, pool)
    while not waiting.must_leave():
        seat.turn()
        try:
            task = claim(pool, seat.assignment.claim)
        except PASSING as error:
            logger.warning("the database gives no task, again in %s s: %s", DATABASE_PAUSE, error)
            connection.close()
            waiting.pause(DATABASE_PAUSE)
            continue
        if task is None:
            waiting.wait()
        else:
            waiting.took_one(task.queue)
            run_task(task, seat, partial(guard, watchdog, seat, pool.timeout))


def claim(pool: WorkerPool, holder: str) -> ClaimedTask | None:
    """The next task of the pool; its queues come in the order in which the settings name them."""
    for queue in pool.queues:
        if (task := claim_from(queue, holder)) is not None:
            return task
    return None


def guard(watchdog: Watchdog, seat: Seat, pool_timeout: float, timeout: float) -> AbstractContextManager[Run]:
    """What ends a task that outlasts its own timeout (0: the pool's) or is cancelled."""
    return watchdog.guard(seat, timeout or pool_timeout, TaskTimeout, TaskCancelled)


def run_task(task: ClaimedTask, seat: Seat, guard: Guard) -> None:
    seat.busy()
    seat.show_task(task.id.int)
    started = time.perf_counter()
    outcome = Attempt(task, seat, guard).run()
    seat.show_task(0)
    seat.board.count_outcome(seat.number, task.queue, outcome, time.perf_counter() - started)
    seat.idle()


class Waiting:
    """The descriptors that a worker thread sleeps on: one for each of its queues, and the one that ends it.

    A queue's descriptor counts the tasks that were enqueued; whoever claims one takes one from the count. So nobody
    is woken for what another thread has taken, and where the two differ, the difference is one look that finds nothing.
    """

    def __init__(self, assignment: Assignment, pool: WorkerPool) -> None:
        self.stop = assignment.stop
        self.queues = {queue: assignment.wakeups.queues[queue] for queue in pool.queues}
        self.poll = select.poll()
        self.leaving = select.poll()
        self.leaving.register(self.stop, select.POLLIN)
        for descriptor in (self.stop, *self.queues.values()):
            self.poll.register(descriptor, select.POLLIN)

    def must_leave(self) -> bool:
        return bool(self.leaving.poll(0))

    def pause(self, seconds: float) -> None:
        """Wait, but not for work; the stop ends it."""
        self.leaving.poll(seconds * 1000)

    def took_one(self, queue: str) -> None:
        wakeup.take(self.queues[queue])

    def wait(self) -> None:
        """Return once there may be work: nothing was found by the last look, which was after the last signal taken."""
        if not any(wakeup.take(descriptor) for descriptor in self.queues.values()):
            close_old_connections()
            self.poll.poll()
