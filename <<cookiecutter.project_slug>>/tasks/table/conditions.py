"""Enqueueing under a condition: not twice (unique), not too many at once (limit), not before another one (chain).

Apart from queue.insert, which the many tasks without one pass through.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.tasks import Task

from tasks.errors import AlreadyEnqueued
from tasks.table import chains, limits, queue, wakeup
from tasks.table.keys import key_of
from tasks.table.queue import ROWS_IN_A_STATEMENT
from tasks.table.rows import FoundTask, NewTask, values_of
from tasks.table.statements import INSERT, INSERT_ROW, UNLESS_THERE, execute, read_key


def may_hold(task: Task) -> bool:
    """Whether calls of this task have a condition of their own, whatever the arguments."""
    return getattr(task, "unique", None) is not None or getattr(task, "limit", None) is not None


def of(task: Task, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The conditions of a call, as fields of its NewTask."""
    unique, limit, chain = getattr(task, "unique", None), getattr(task, "limit", None), chains.current.get()
    if unique is limit is chain is None:
        return {}
    fields: dict[str, Any] = {"chain": chain}
    if unique is not None:
        fields["unique_key"] = key_of("unique", unique, args, kwargs)
    if limit is not None:
        fields |= {"limit_key": key_of("limit", limit[0], args, kwargs), "limit_number": limit[1]}
    return fields


def has_one(task: NewTask) -> bool:
    return bool(task.unique_key or task.limit_key or task.chain)


def insert(tasks: Sequence[NewTask]) -> dict[UUID, FoundTask]:
    """Put tasks into the table, all of the same kind; which one is there instead, by the id of the one that is not."""
    instead: dict[UUID, FoundTask] = {}
    with transaction.atomic():
        for start in range(0, len(tasks), ROWS_IN_A_STATEMENT):
            instead |= _insert_or_find(tasks[start : start + ROWS_IN_A_STATEMENT])
        if instead and tasks[0].chain:
            there = next(iter(instead.values()))
            raise AlreadyEnqueued(f"{there.task} {there.id} is there already: a chain cannot wait for it.")
        _tell([task for task in tasks if task.id not in instead])
    return instead


def _insert_or_find(tasks: Sequence[NewTask]) -> dict[UUID, FoundTask]:
    """Again where the other one has ended in between. PostgreSQL waits for one whose transaction is still open."""
    instead: dict[UUID, FoundTask] = {}
    while tasks:
        inserted = _insert(tasks)
        for task in tasks:
            if task.id not in inserted and (there := queue.find_unique(task.task, task.unique_key or "")):
                instead[task.id] = there
        tasks = [task for task in tasks if task.id not in inserted and task.id not in instead]
    return instead


def _insert(tasks: Sequence[NewTask]) -> set[UUID]:
    """Insert those whose key nobody has; their ids. In the order of the keys, so that no two wait for each other."""
    values = [value for task in sorted(tasks, key=lambda task: task.unique_key or "") for value in values_of(task)]
    rows = ", ".join([INSERT_ROW] * len(tasks))
    return {read_key(row[0]) for row in execute(INSERT + rows + UNLESS_THERE, values).fetchall()}


def _tell(inserted: Sequence[NewTask]) -> None:
    """Who is held is not told of: who lets it go does that."""
    in_line = {task.limit_key for task in inserted if task.limit_key and task.waits_until == limits.HELD_BY_LIMIT}
    limits.admit_on_commit(in_line)
    free = [task for task in inserted if task.waits_until not in (limits.HELD_BY_LIMIT, chains.HELD_BY_CHAIN)]
    if free:
        wakeup.wake_on_commit(free[0].queue, len(free), free[0].waits_until)
