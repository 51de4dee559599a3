"""One attempt at a claimed task: run it, then write how it ended."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection
from django.tasks import Task, TaskResult, TaskResultStatus, task_backends
from django.tasks.signals import task_finished, task_started
from django.utils import timezone

from runtime.interpreter.inside import Seat
from runtime.interpreter.watchdog import Run
from tasks.errors import TaskCancelled, TaskSuspended
from tasks.json_values import as_column
from tasks.options import DurableTask, usual_pause
from tasks.records.bill import Meter
from tasks.records.ends import ENDED, OUTCOME_OF, entry, where_it_was
from tasks.records.report import keep, make_report
from tasks.table import awaiting, queue, wakeup
from tasks.table.patience import until_it_passes
from tasks.table.results import TaskNotFound, as_result, errors_of, find_task
from tasks.table.rows import ClaimedTask
from tasks.worker.context import DurableContext
from tasks.worker.leftovers import give_up_connections, leave_no_transaction_open, memory_comes_back
from tasks.worker.write_turns import turn

logger = logging.getLogger("tasks")

type Guard = Callable[[float], AbstractContextManager[Run]]  # of a timeout in seconds; 0: the pool's

LONGEST_TOLD = 60 * 10**9  # ns for those who listen to task_finished; then the loop stands still (stillness.py)


class Attempt:
    """One run of one task."""

    as_result = staticmethod(as_column)
    context_class = DurableContext

    def __init__(
        self, claimed: ClaimedTask, seat: Seat | None = None, guard: Guard | None = None, queues: Sequence[str] = ()
    ) -> None:
        """With `queues`, a good end takes the next task of these along: `next`, once it `has_looked`."""
        self.claimed, self.seat, self.guard, self.queues = claimed, seat, guard, queues
        self.next: ClaimedTask | None = None
        self.has_looked = False
        self.freed_by = ""
        self.meter = Meter(claimed.task)
        self.in_transaction = connection.in_atomic_block  # of a test (tasks/testing.py), which is to go on
        self.task: Task | None = None
        self.result: TaskResult | None = None
        self.context: DurableContext | None = None

    def run(self) -> str:
        """Run the task and record the end; returns the outcome for the metrics, "" where it has not ended."""
        started = time.perf_counter()
        try:
            value = self._call()
        except TaskSuspended:
            return self._suspended()
        except BaseException as error:
            return self._failed(error, time.perf_counter() - started)
        return self._succeeded(value)

    def prepare(self) -> None:
        """What can be done while it is not certain yet that the task runs."""
        with contextlib.suppress(Exception):  # it comes again when the task runs
            self._find()

    def defer(self, seconds: float) -> None:
        """It may not run now: somebody is to look at it again after some time."""
        until_it_passes(lambda: queue.defer(self.claimed, seconds))

    def _find(self) -> tuple[Task, TaskResult]:
        self.task = find_task(self.claimed.task)
        self.result = as_result(self.claimed)
        self.context = self.context_class(task_result=self.result, claimed=self.claimed, seat=self.seat)
        return self.task, self.result

    def _call(self) -> Any:
        task, result = (self.task, self.result) if self.task and self.result else self._find()
        context = (self.context,) if task.takes_context else ()
        if self.claimed.cancelled:
            raise TaskCancelled("It was cancelled while it ran, and shall not run again.")
        try:
            with self._guarded():
                task_started.send(self._backend, task_result=result)
                self.meter.start()
                value = task.call(*context, *result.args, **result.kwargs)
                return self.as_result(f"what {task.module_path} returns", value)
        finally:
            self.meter.stop()
            if not self.in_transaction:
                leave_no_transaction_open()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let the watchdog end the block. What it ends has ended by it, whatever error came out in the end."""
        if self.guard is None:
            yield
            return
        run = None
        try:
            with self.guard(getattr(self.task, "timeout", 0)) as run, memory_comes_back(run):
                yield
        finally:
            if run is not None and run.error is not None:
                self.freed_by = run.freed_by
                give_up_connections()
                raise run.error(f"{ENDED[run.error]} (freed by: {run.freed_by})")

    def _succeeded(self, value: Any) -> str:
        if self.context is not None:
            until_it_passes(self.context.save)
        if until_it_passes(lambda: self._write_success(value)):
            awaiting.tell(self.claimed.id)
            self._tell_finished(TaskResultStatus.SUCCESSFUL, return_value=value)
        return "successful"

    def _write_success(self, value: Any) -> bool:
        if self.seat is None or not self.queues or self.seat.must_leave() or self.seat.is_held():
            return queue.succeed(self.claimed, value, self.meter.as_json())
        if queue.keeps_others_waiting(self.claimed):
            return queue.succeed(self.claimed, value, self.meter.as_json())
        with turn(self.seat):
            written, self.next = queue.succeed_and_claim(self.claimed, value, self.queues, self.meter.as_json())
        self.has_looked = True
        return written

    def _suspended(self) -> str:
        """Back into the queue, to go on from its checkpoint."""
        unsaved = self.context.unsaved if self.context else {}
        until_it_passes(lambda: queue.release(self.claimed, **unsaved))
        wakeup.wake(self.claimed.queue)
        logger.info("%s was suspended at a checkpoint", self.label)
        return ""

    def _failed(self, error: BaseException, seconds: float) -> str:
        history = [*self.claimed.history, self._end(error, seconds)]
        failures = sum(end["outcome"] == "failed" for end in history)
        unsaved = self.context.unsaved if self.context else {}
        if self.result and isinstance(self.task, DurableTask) and self.task.may_retry(error, failures):
            pause = self._pause(self.task, self.result, error, failures)
            if until_it_passes(lambda: queue.retry(self.claimed, pause, history=history, **unsaved)):
                self._report(error)
            text = f"{self.label} failed, again in {pause.total_seconds():.1f} s"
            logger.warning("%s: %r", text, error, exc_info=where_it_was(error))
            return OUTCOME_OF.get(type(error), "retried")
        logger.error("%s failed: %r", self.label, error, exc_info=where_it_was(error))
        if until_it_passes(lambda: queue.fail(self.claimed, history=history, **unsaved)):
            awaiting.tell(self.claimed.id)
            self._tell_finished(TaskResultStatus.FAILED, errors=errors_of(history))
            self._report(error)
        return OUTCOME_OF.get(type(error), "failed")

    def _pause(self, task: DurableTask, result: TaskResult, error: BaseException, failures: int) -> timedelta:
        """A backoff of the project's own may fail: then it is as if there were none."""
        try:
            return task.pause(error, result, failures)
        except Exception:
            logger.exception("the backoff of %s has failed; the usual one is taken", self.label)
            return usual_pause(failures)

    def give_up(self, error: BaseException) -> str:
        """Record that the attempt was written off, in place of the interpreter that is stuck in it."""
        with contextlib.suppress(TaskNotFound):
            self._find()
        self.freed_by = "abandoned"
        return self._failed(error, 0.0)

    def _report(self, error: BaseException) -> None:
        """After the end has been written: a report may fail, or take too long, and nothing else does because of it."""
        if self.meter.started:  # else its code has not begun
            keep(self.claimed, make_report(error, self.meter.lines or (), self.guard or contextlib.nullcontext))

    def _end(self, error: BaseException, seconds: float) -> dict[str, Any]:
        return entry(self.claimed, error, seconds, self.meter.bill(), self.freed_by)

    def _tell_finished(self, status: TaskResultStatus, return_value: Any = None, **fields: Any) -> None:
        """Django's signal, with the result brought up to date. Who listens may fail: the task has ended already."""
        if self.result is None:
            return
        fields |= {"status": status, "finished_at": timezone.now(), "_return_value": return_value}
        for name, value in fields.items():
            object.__setattr__(self.result, name, value)
        if self.seat is not None:
            self.seat.turn(LONGEST_TOLD)
        task_finished.send_robust(self._backend, task_result=self.result)
        if self.seat is not None:
            self.seat.rest()

    @property
    def _backend(self) -> type:
        return type(task_backends[self.claimed.backend])

    @property
    def label(self) -> str:
        return f"{self.claimed.task} {self.claimed.id}"
