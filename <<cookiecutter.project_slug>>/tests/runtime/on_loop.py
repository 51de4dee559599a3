"""Asynchronous tests, on the server's kind of event loop."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

PATIENCE = 60  # seconds

cleanups: list[Callable[[], object]] = []  # run on the loop when the test is over


def on_the_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        uvloop.run(_run(test(*arguments, **fixtures)))

    return run


async def _run(test: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.wait_for(test, PATIENCE)
    finally:
        while cleanups:
            cleanups.pop()()


async def turns(number: int = 20) -> None:
    """Let the event loop come round, so that what is ready happens."""
    for _ in range(number):
        await asyncio.sleep(0)
