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
    run_after: datetime | None = None
    fail_if_lost: bool = False
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
    """A task as its row has it, in the order of `statements.COLUMNS` and `FIND`.

    What has a value here is as at a first claim: of a task that is handed over, or in memory, nobody reads a row.
    """

    id: uuid.UUID
    task: str
    backend: str
    queue: str
    priority: int
    arguments: dict[str, Any]
    enqueued_at: datetime
    started_at: datetime
    last_attempted_at: datetime
    claim: str  # the holder; None where there is none
    run_after: datetime | None = None
    attempt: int = 1
    deaths: int = 0
    checkpoint: Any = None
    history: list[dict[str, Any]] = field(default_factory=list)
    limit_key: str | None = None
    chain: uuid.UUID | None = None
    batch: uuid.UUID | None = None
    cancelled: bool = False  # while an attempt ran that was to end otherwise: it shall not run again
    status: str = "RUNNING"
    worker: str = ""  # who held it when it ended, or was lost
    finished_at: datetime | None = None
    return_value: Any = None


def values_of(task: NewTask) -> tuple[Any, ...]:
    """What INSERT takes, in the order of NEW's columns."""
    return (
        key(task.id), task.task, task.backend, task.queue, task.priority, json.dumps(task.arguments),
        moment(task.run_after), moment(task.waits_until), moment(task.enqueued_at), task.fail_if_lost,
        task.batch and key(task.batch), task.origin, task.unique_key, task.limit_key, task.limit_number,
        task.chain and key(task.chain),
    )  # fmt: skip


def read(row: tuple[Any, ...] | None) -> ClaimedTask | None:
    """What the driver gives, as Python has it; None for no row."""
    if row is None:
        return None
    task = ClaimedTask(*row)
    task.id = read_key(task.id)
    task.arguments, task.history = json.loads(task.arguments), json.loads(task.history)  # type: ignore[arg-type]
    task.checkpoint = task.checkpoint and json.loads(task.checkpoint)
    task.return_value = task.return_value and json.loads(task.return_value)
    task.run_after, task.enqueued_at = read_moment(task.run_after), read_moment(task.enqueued_at)
    task.started_at, task.last_attempted_at = read_moment(task.started_at), read_moment(task.last_attempted_at)
    task.finished_at = read_moment(task.finished_at)
    task.chain, task.batch = task.chain and read_key(task.chain), task.batch and read_key(task.batch)
    return task
