"""Enqueueing, also under a condition: not twice (unique), not too many at once (limit), not before another (chain)."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.tasks import Task

from tasks.errors import AlreadyEnqueued
from tasks.options import key_of
from tasks.table import chains, limits, queue, wakeup
from tasks.table.queue import ROWS_IN_A_STATEMENT
from tasks.table.rows import ClaimedTask, NewTask, values_of
from tasks.table.statements import INSERT, INSERT_ROW, UNLESS_THERE, execute, read_key


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


def insert(tasks: Sequence[NewTask]) -> dict[UUID, ClaimedTask]:
    """Put tasks into the table, all of the same kind, and tell who runs them, with the transaction that is open.

    Returns which one is there instead, by the id of the one that is not.
    """
    first = tasks[0]
    if not (first.unique_key or first.limit_key or first.chain):  # as most
        queue.insert(tasks)
        transaction.on_commit(partial(wakeup.wake, first.queue, len(tasks), first.waits_until))
        return {}
    instead: dict[UUID, ClaimedTask] = {}
    with transaction.atomic():
        for start in range(0, len(tasks), ROWS_IN_A_STATEMENT):
            instead |= _insert_or_find(tasks[start : start + ROWS_IN_A_STATEMENT])
        if instead and first.chain:
            there = next(iter(instead.values()))
            raise AlreadyEnqueued(f"{there.task} {there.id} is there already: a chain cannot wait for it.")
        _tell([task for task in tasks if task.id not in instead])
    return instead


def _insert_or_find(tasks: Sequence[NewTask]) -> dict[UUID, ClaimedTask]:
    """Again where the other one has ended in between. PostgreSQL waits for one whose transaction is still open."""
    instead: dict[UUID, ClaimedTask] = {}
    while tasks:
        # Those whose key nobody has; in the order of the keys, so that no two wait for each other.
        values = [value for task in sorted(tasks, key=lambda task: task.unique_key or "") for value in values_of(task)]
        statement = INSERT + ", ".join([INSERT_ROW] * len(tasks)) + UNLESS_THERE
        inserted = {read_key(row[0]) for row in execute(statement, values).fetchall()}
        for task in tasks:
            if task.id not in inserted and (there := queue.find_unique(task.task, task.unique_key or "")):
                instead[task.id] = there
        tasks = [task for task in tasks if task.id not in inserted and task.id not in instead]
    return instead


def _tell(inserted: Sequence[NewTask]) -> None:
    """Who is held is not told of: who lets it go does that."""
    in_line = {task.limit_key for task in inserted if task.limit_key and task.waits_until == limits.HELD_BY_LIMIT}
    limits.admit_on_commit(in_line)
    free = [task for task in inserted if task.waits_until not in (limits.HELD_BY_LIMIT, chains.HELD_BY_CHAIN)]
    if free:
        wakeup.wake_on_commit(free[0].queue, len(free), free[0].waits_until)
