"""One attempt at a claimed task: run it, then write how it ended."""

import logging
import time
from traceback import format_exception
from typing import Any

from django.db import close_old_connections, connections
from django.tasks import TaskResult
from django.tasks.signals import task_finished, task_started
from django.utils import timezone
from django.utils.json import normalize_json

from runtime.inside import Seat
from tasks import claims
from tasks.claims import FAILED, SUCCESSFUL
from tasks.context import DurableContext
from tasks.models import TaskRecord
from tasks.options import DurableTask
from tasks.results import as_result, backend_class, find_task

logger = logging.getLogger("tasks")

TRACEBACK_LIMIT = 20_000  # characters of a traceback that are kept: the end, which names the error


class Attempt:
    """One run of one task."""

    def __init__(self, record: TaskRecord, seat: Seat | None = None) -> None:
        self.record, self.seat = record, seat
        self.context: DurableContext | None = None
        self.result: TaskResult | None = None

    def run(self) -> str:
        """Run the task and record the end; returns the outcome for the metrics."""
        started = time.perf_counter()
        try:
            value = self._call()
        except BaseException as error:
            return self._failed(error, time.perf_counter() - started)
        finally:
            _leave_no_transaction_open()
        return self._succeeded(value)

    def _call(self) -> Any:
        task = find_task(self.record.task)
        self.result = as_result(self.record, task)
        self.context = DurableContext(task_result=self.result, record=self.record, seat=self.seat)
        task_started.send(backend_class(self.record), task_result=self.result)
        context = (self.context,) if task.takes_context else ()
        return normalize_json(task.call(*context, *self.result.args, **self.result.kwargs))

    def _succeeded(self, value: Any) -> str:
        claims.finish(self.record, status=SUCCESSFUL, return_value=value, worker=self.record.claim, **self._unsaved())
        self._tell_finished(SUCCESSFUL)
        return "successful"

    def _failed(self, error: BaseException, seconds: float) -> str:
        history = [*self.record.history, self._trace(error, seconds)]
        failures = sum(attempt["outcome"] == "failed" for attempt in history)
        task = self.result.task if self.result else None
        if isinstance(task, DurableTask) and task.may_retry(error, failures):
            pause = task.pause(error, self.result, failures)
            claims.retry(self.record, pause, history=history, **self._unsaved())
            logger.warning("%s has failed, next attempt in %.1f s: %r", self.record, pause.total_seconds(), error)
            return "retried"
        claims.finish(self.record, status=FAILED, history=history, worker=self.record.claim, **self._unsaved())
        logger.error("%s has failed: %r", self.record, error)
        self._tell_finished(FAILED, history)
        return "failed"

    def _trace(self, error: BaseException, seconds: float) -> dict[str, Any]:
        kind = type(error)
        return {
            "attempt": self.record.attempt,
            "worker": self.record.claim,
            "outcome": "failed",
            "ended_at": timezone.now().isoformat(),
            "seconds": round(seconds, 6),
            "type": f"{kind.__module__}.{kind.__qualname__}",
            "message": str(error),
            "traceback": "".join(format_exception(error))[-TRACEBACK_LIMIT:],
        }

    def _unsaved(self) -> dict[str, Any]:
        return self.context.unsaved if self.context else {}

    def _tell_finished(self, status: Any, history: list[dict[str, Any]] | None = None) -> None:
        if self.result is None:
            return
        self.record.status, self.record.finished_at = status, timezone.now()
        if history is not None:
            self.record.history = history
        task_finished.send(backend_class(self.record), task_result=as_result(self.record, self.result.task))


def _leave_no_transaction_open() -> None:
    """What a task left open on a connection is rolled back; a connection past its age is closed."""
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block or not connection.get_autocommit():
            connection.close()
    close_old_connections()
