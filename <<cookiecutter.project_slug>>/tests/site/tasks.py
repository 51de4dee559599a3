from concurrent import interpreters
from typing import Any

from django.tasks import TaskContext, task

from tests.site import gates


@task
def which_interpreter() -> int:
    return interpreters.get_current().id


@task(takes_context=True)
def attempt(context: TaskContext, gate: str) -> int:
    """Its first attempt waits at a gate."""
    if context.attempt == 1:
        gates.arrive_and_wait(gate)
    return context.attempt


@task(on_lost="fail")
def once(gate: str) -> None:
    gates.arrive_and_wait(gate)


@task
def wait_at(gate: str) -> str:
    gates.arrive_and_wait(gate)
    return "through"


@task
def add(one: int, other: int) -> int:
    return one + other


@task(max_attempts=3, backoff=0, takes_context=True)
def succeed_at(context: TaskContext, number: int) -> int:
    if context.attempt < number:
        raise ValueError(f"attempt {context.attempt}")
    return context.attempt


@task
def raise_error(name: str) -> None:
    raise {"SystemExit": SystemExit, "MemoryError": MemoryError, "KeyError": KeyError}[name]("as asked")


@task
def recurse(depth: int) -> Any:
    return recurse.func(depth + 1)
