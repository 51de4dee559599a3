"""Tasks for the tests of the engine. Each keeps in `calls` what it was called with."""

import math
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.tasks import TaskContext, TaskResult, task

calls: list[Any] = []


@task
def note(*args: Any, **kwargs: Any) -> dict[str, Any]:
    calls.append((args, kwargs))
    return {"args": list(args), "kwargs": kwargs}


@task
async def note_later(value: int) -> int:
    return value + 1


@task
def fail(kind: str = "ValueError") -> None:
    raise {
        "ValueError": ValueError,
        "SystemExit": SystemExit,
        "MemoryError": MemoryError,
        "Interrupt": KeyboardInterrupt,
    }[kind]("as asked")


@task(max_attempts=3, backoff=0)
def fail_three_times() -> None:
    raise ValueError("as asked")


@task(max_attempts=3, backoff=60)
def fail_and_wait() -> None:
    raise ValueError("as asked")


@task(max_attempts=3, retry_on=[OSError])
def fail_with(kind: str) -> None:
    raise {"OSError": OSError, "ValueError": ValueError}[kind]("as asked")


def double(exception: BaseException, task_result: TaskResult) -> timedelta:
    calls.append((type(exception).__name__, task_result.attempts))
    return timedelta(seconds=0)


@task(max_attempts=2, backoff=double)
def fail_with_own_backoff() -> None:
    raise ValueError("as asked")


@task
def return_what_json_cannot_hold() -> object:
    return object()


@task
def return_a_number(name: str) -> float:
    return {"nan": math.nan, "infinity": math.inf, "large": 10**5000}[name]


@task
def return_text() -> str:
    return "a\0b"


@task
def leave_a_transaction_open() -> None:
    transaction.set_autocommit(False)


@task(takes_context=True, max_attempts=2, backoff=0)
def go_on(context: TaskContext, end: int) -> int:
    start = context.last_checkpoint or 0
    for number in range(start + 1, end + 1):
        context.progress(number, end)
        context.checkpoint(number)
        if context.attempt == 1 and number == 3:
            raise ValueError("interrupted")
    return start


@task(on_lost="fail")
def never_twice() -> None: ...


@task(queue_name="critical")
def enqueue_another() -> None:
    note.enqueue("from a task")


@task(takes_context=True)
def say_who_i_am(context: TaskContext, *args: Any) -> list[Any]:
    result = context.task_result
    return [result.id, str(result.status), context.attempt, result.attempts, *args]


@task
def fail_with_an_error_inside() -> None:
    raise ValueError(ValueError("as asked"))


@task(max_attempts=4, backoff=double, retry_on=[OSError], on_lost="fail", timeout=2.5)
def with_every_option(value: int) -> int:
    return value * 2


@task
def report(batch: str, successful: int, failed: int) -> None:
    calls.append((batch, successful, failed))


@task(queue_name="exports", priority=7, on_lost="fail")
def report_in_one(summary: dict[str, Any]) -> None:
    calls.append(summary)


@task(takes_context=True)
def report_with_context(context: TaskContext, batch: str, successful: int, failed: int) -> None:
    calls.append((context.attempt, batch, successful, failed))


@task(unique="the only one", max_attempts=2, backoff=60)
def only_one(value: int = 0) -> int:
    if value < 0:
        raise ValueError("as asked")
    return value


@task(unique=lambda shop, **options: f"shop {shop}")
def import_shop(shop: str, full: bool = False) -> str:
    return shop


@task(limit=("smtp", 2))
def send(value: int) -> int:
    calls.append(value)
    return value


@task(limit=("smtp", 2), queue_name="critical")
def send_at_once(value: int) -> int:
    calls.append(value)
    return value


@task(limit=("smtp", 2), max_attempts=2, backoff=60)
def send_again_later() -> None:
    raise ValueError("as asked")


@task(limit=("smtp", 2), on_lost="fail")
def send_at_most_once() -> None: ...


@task(limit=(lambda host, path: host, 1))
def fetch(host: str, path: str) -> str:
    return host + path


@task(unique=lambda value: value, limit=(lambda value: value, 1))
def give_no_key(value: object) -> None: ...
