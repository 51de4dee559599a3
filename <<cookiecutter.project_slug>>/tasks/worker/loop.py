"""The loop of a worker thread: claim, run, record; asleep where nothing waits (waiting.py)."""

import logging
import time
from contextlib import AbstractContextManager
from functools import partial

from django.db import connection

from runtime.interpreter.inside import Assignment, Loop, Seat
from runtime.interpreter.watchdog import Run, Watchdog
from runtime.shared.plan import WorkerPool
from runtime.start.explain import in_one_line
from tasks.discovery import load_tasks
from tasks.errors import TaskCancelled, TaskTimeout
from tasks.house import keeper
from tasks.records import log_lines
from tasks.table.patience import PASSING
from tasks.worker.attempt import Attempt
from tasks.worker.leftovers import note_threads, report_threads
from tasks.worker.settling import settle
from tasks.worker.waiting import DATABASE_PAUSE, GATE_PAUSE, Waiting

logger = logging.getLogger("tasks")

DRAIN_PAUSE = 0.05  # seconds between two looks for what is still in memory when the server stops


def run(assignment: Assignment) -> Loop:
    """Import the project's tasks before the first one comes, and give the loop for each thread."""
    for module, error in load_tasks().items():
        if error is not None:  # its tasks fail, each by itself; the others run
            logger.error("%s does not load. %s", module, in_one_line(error, assignment.pool))
    log_lines.listen()
    settle(assignment)  # before any thread: an interpreter with one left cannot be closed
    if assignment.housekeeper:
        keeper.start(assignment)
    pool = next(pool for pool in assignment.plan.workers if pool.name == assignment.pool)
    watchdog = Watchdog(assignment.watch, threads=pool.threads)
    watchdog.start()
    return partial(work, pool, watchdog)


def work(pool: WorkerPool, watchdog: Watchdog, seat: Seat) -> None:
    """Run tasks until this interpreter is to leave; the task at hand is finished first."""
    note_threads()
    try:
        waiting = Waiting(seat, pool, partial(guard, watchdog, seat, pool.timeout))
        try:
            _claim_and_run(seat, waiting)
        finally:
            seat.rest()
            waiting.leave()
        _drain(seat, waiting)
    finally:
        watchdog.leave()


def _claim_and_run(seat: Seat, waiting: Waiting) -> None:
    while not seat.must_leave():
        seat.turn()
        try:
            attempt = waiting.next_attempt()
        except PASSING as error:
            logger.warning("the database gives no task, again in %s s: %s", DATABASE_PAUSE, error)
            connection.close()
            waiting.pause_without_database()
            continue
        seat.turn()
        if attempt is None:
            waiting.wait()
        elif not _run_if_it_may(attempt, seat, waiting):
            waiting.wait_at_gate()


def _run_if_it_may(attempt: Attempt, seat: Seat, waiting: Waiting) -> bool:
    if may := waiting.gate.enter(attempt.claimed.deaths):
        run_attempt(attempt, seat)
        waiting.gate.leave()
        waiting.go_on_after(attempt)
    else:
        seat.rest()
        attempt.defer(GATE_PAUSE)
    return may


def _drain(seat: Seat, waiting: Waiting) -> None:
    """Where the server stops: run what is in memory, until main says that no more can come."""
    while waiting.letters.must_be_run():
        seat.turn()
        attempt = None if seat.is_held() else waiting.letters.claim()
        if attempt is None or not _run_if_it_may(attempt, seat, waiting):
            seat.rest()
            time.sleep(DRAIN_PAUSE)


def guard(watchdog: Watchdog, seat: Seat, pool_timeout: float, timeout: float) -> AbstractContextManager[Run]:
    """What ends a task that outlasts its own timeout (0: the pool's) or is cancelled."""
    return watchdog.guard(seat, timeout or pool_timeout, TaskTimeout, TaskCancelled)


def run_attempt(attempt: Attempt, seat: Seat) -> None:
    seat.busy()
    seat.show_task(attempt.claimed.id.int)
    started = time.perf_counter()
    outcome = attempt.run()
    seat.show_task(0)
    if seat.assignment.kind != "main":  # where threads come and go that are not the task's
        report_threads(attempt.label)
    if outcome:
        seat.board.count_outcome(seat.number, attempt.claimed.queue, outcome, time.perf_counter() - started)
    seat.idle()
