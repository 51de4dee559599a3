"""Batches: tasks that were enqueued together, and one that is enqueued when the last of them is done.

    with tasks.batch(then=report) as batch:
        for row in rows:
            import_row.enqueue(row)

The block is a transaction. So all of its tasks are enqueued or none, none of them begins before all are known, and
neither an exception nor a crash leaves a batch behind that nobody ends.
"""

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Self

from asgiref.sync import sync_to_async
from django.db import transaction
from django.tasks import Task
from django.tasks.exceptions import InvalidTask
from django.utils.asyncio import async_unsafe

from tasks.backends import DurableBackend
from tasks.models import BatchRecord
from tasks.table import tally

# What the callback is given.
COUNTS: dict[str, Any] = {"batch": "", "successful": 0, "failed": 0}


def batch(*, then: Task) -> Batch:
    """What is enqueued within the block belongs to the batch; `then` is enqueued once all of it has ended.

    `then` gets the batch's id, and how many tasks have ended well and how many have not: as keyword arguments `batch`,
    `successful` and `failed` where it takes these three, else as one dictionary. Raises InvalidTask where it takes
    neither. In asynchronous code: `async with`.
    """
    return Batch(_callback(then))


class Batch:
    """The block, and what it has collected."""

    id: str  # known within the block

    def __init__(self, callback: dict[str, Any]) -> None:
        self.callback = callback

    @async_unsafe("In asynchronous code: async with tasks.batch(…)")
    def __enter__(self) -> Self:
        return self._enter()

    def __exit__(self, *error: Any) -> bool | None:
        return self._block.__exit__(*error)

    async def __aenter__(self) -> Self:
        return await sync_to_async(self._enter)()

    async def __aexit__(self, *error: Any) -> bool | None:
        return await sync_to_async(self._block.__exit__)(*error)

    def _enter(self) -> Self:
        self._block: AbstractContextManager[str] = self._collect()
        self.id = self._block.__enter__()
        return self

    @contextmanager
    def _collect(self) -> Iterator[str]:
        with transaction.atomic():
            batch = BatchRecord.objects.create(callback=self.callback).pk
            outer, collecting = tally.collecting.get(), tally.Collecting(batch)
            tally.collecting.set(collecting)
            try:
                yield str(batch)
            finally:
                collecting.is_open = False
                tally.collecting.set(outer)  # not by its token: asynchronous code ends in another context
            tally.close(batch)


def _callback(then: Task) -> dict[str, Any]:
    """What the row of the batch keeps of its callback. Raises InvalidTask where it cannot be one."""
    if not isinstance(then, Task) or not isinstance(then.get_backend(), DurableBackend):
        raise InvalidTask(f"then={then!r}: this must be a task of the durable queue.")
    then.get_backend().validate_task(then)
    return {
        "task": then.module_path,
        "backend": then.backend,
        "queue": then.queue_name,
        "priority": then.priority,
        "run_after": then.run_after and then.run_after.isoformat(),
        "fail_if_lost": getattr(then, "on_lost", "retry") == "fail",
        "by_name": _takes_names(then),
        **_limit(then),
    }


def _limit(then: Task) -> dict[str, Any]:
    """With what it will be called is not known yet, so its key may not depend on it."""
    unique, limit = getattr(then, "unique", None), getattr(then, "limit", None)
    if unique is not None or (limit is not None and callable(limit[0])):
        raise InvalidTask(f"{then.module_path}: then= takes no task with unique, and a limit only with a fixed key.")
    return {} if limit is None else {"limit_key": limit[0], "limit_number": limit[1]}


def _takes_names(then: Task) -> bool:
    """Whether it takes the three names; else it must take one positional argument."""
    signature = inspect.signature(then.func)
    context = (None,) if then.takes_context else ()
    for by_name in (True, False):
        with suppress(TypeError):
            signature.bind(*context, *(() if by_name else (COUNTS,)), **(COUNTS if by_name else {}))
            return by_name
    raise InvalidTask(
        f"{then.module_path}{signature}: then= must take batch, successful and failed, or one dictionary."
    )
