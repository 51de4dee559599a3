"""A task on its way into the table, and out of it: what the statements take and give, as Python has it."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from tasks.table import limits
from tasks.table.chains import HELD_BY_CHAIN
from tasks.table.statements import key, moment, read_key, read_moment


@dataclass(slots=True, kw_only=True)
class NewTask:
    """A task on its way into the table."""

    task: str
    backend: str
    queue: str
    priority: int
    arguments: dict[str, Any]
    run_after: datetime | None
    fail_if_lost: bool
    unique_key: str | None = None
    limit_key: str | None = None
    limit_number: int | None = None
    chain: uuid.UUID | None = None
    batch: uuid.UUID | None = None
    origin: str | None = None
    enqueued_at: datetime = field(default_factory=timezone.now)
    id: uuid.UUID = field(default_factory=uuid.uuid7)  # in order of time

    @property
    def waits_until(self) -> datetime | None:
        if self.chain:
            return HELD_BY_CHAIN
        return limits.waits_until(self.run_after, self.limit_key, now=self.enqueued_at)


@dataclass(slots=True)
class ClaimedTask:
    """What a worker needs of the row that it has claimed, in the order of `statements.COLUMNS`."""

    id: uuid.UUID
    task: str
    backend: str
    queue: str
    priority: int
    arguments: dict[str, Any]
    run_after: datetime | None
    enqueued_at: datetime
    started_at: datetime
    last_attempted_at: datetime
    attempt: int
    deaths: int
    checkpoint: Any
    history: list[dict[str, Any]]
    limit_key: str | None
    chain: uuid.UUID | None
    batch: uuid.UUID | None
    cancelled: bool  # while an attempt ran that was to end otherwise: it shall not run again
    claim: str  # the holder


def first_claim(
    task_id: uuid.UUID, task: str, backend: str, queue: str, priority: int, arguments: dict[str, Any], *,
    enqueued_at: datetime, now: datetime, claim: str,
) -> ClaimedTask:  # fmt: skip
    """A task as it is at its first claim, where nobody reads its row: it was handed over, or has none."""
    return ClaimedTask(
        task_id, task, backend, queue, priority, arguments, run_after=None, enqueued_at=enqueued_at, started_at=now,
        last_attempted_at=now, attempt=1, deaths=0, checkpoint=None, history=[], limit_key=None, chain=None, batch=None,
        cancelled=False, claim=claim,
    )  # fmt: skip


@dataclass(slots=True)
class FoundTask(ClaimedTask):
    """A row as it is, in the order of what FIND selects. The claim is None where nobody holds it."""

    status: str
    worker: str
    finished_at: datetime | None
    return_value: Any


def values_of(task: NewTask) -> tuple[Any, ...]:
    """What INSERT takes, in the order of NEW's columns."""
    return (
        key(task.id), task.task, task.backend, task.queue, task.priority, json.dumps(task.arguments),
        moment(task.run_after), moment(task.waits_until), moment(task.enqueued_at), task.fail_if_lost,
        task.batch and key(task.batch), task.origin, task.unique_key, task.limit_key, task.limit_number,
        task.chain and key(task.chain),
    )  # fmt: skip


def read_found(row: tuple[Any, ...] | None) -> FoundTask | None:
    if row is None:
        return None
    task = _read(FoundTask(*row))
    task.finished_at = read_moment(task.finished_at)
    task.return_value = task.return_value and json.loads(task.return_value)
    return task


def read_claimed(row: tuple[Any, ...], holder: str) -> ClaimedTask:
    return _read(ClaimedTask(*(*row, holder)))


def _read[T: ClaimedTask](task: T) -> T:
    """What the driver gives, as Python has it."""
    task.id = read_key(task.id)
    task.arguments, task.history = json.loads(task.arguments), json.loads(task.history)  # type: ignore[arg-type]
    task.checkpoint = task.checkpoint and json.loads(task.checkpoint)
    task.run_after, task.enqueued_at = read_moment(task.run_after), read_moment(task.enqueued_at)
    task.started_at, task.last_attempted_at = read_moment(task.started_at), read_moment(task.last_attempted_at)
    task.chain, task.batch = task.chain and read_key(task.chain), task.batch and read_key(task.batch)
    return task
