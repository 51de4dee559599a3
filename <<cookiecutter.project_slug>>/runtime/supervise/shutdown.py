"""How the server stops: requests and tasks share one budget, what still runs then goes back to the queue."""

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any

import uvloop

from runtime.http.server import Server
from runtime.interpreter.host import call_once
from runtime.shared.log import event, logger
from runtime.shared.plan import Kind, StartError
from runtime.supervise.supervisor import Supervisor

GIVING_BACK = 3.0  # seconds over the budget
GRACE = 5.0  # seconds over the budget for giving tasks back; then a C timer ends the process, whoever holds the GIL
TWICE_SENT = 0.01  # seconds in which more signals are the first one: `uv run` passes on what its whole group was sent


def run(serve: Coroutine[Any, Any, int]) -> int:
    """Run the main interpreter's event loop, uvloop's, until the server has ended; returns the exit code."""
    return uvloop.run(serve)


async def run_until_stopped(start: Coroutine[Any, Any, None], worn_out: asyncio.Event) -> int:
    """Start the server and wait until SIGTERM or SIGINT, or until it is worn out; a second signal ends it at once.

    Returns the exit code: 1 where the start has failed, 75 where it is worn out and should be started afresh, else 0.
    """
    loop, starting = asyncio.get_running_loop(), asyncio.ensure_future(start)
    asked, signalled = asyncio.Event(), asyncio.Event()
    wearing = asyncio.ensure_future(worn_out.wait())
    wearing.add_done_callback(lambda _: asked.set())

    def receive(number: int) -> None:
        if signalled.is_set():
            os._exit(128 + number)
        for each in (signalled, asked):
            loop.call_later(TWICE_SENT, each.set)

    def started(task: asyncio.Future[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            shown = None if isinstance(error, StartError) else error  # with its traceback
            logger.error("the server could not start: %s", error, exc_info=shown)
            asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, receive, number)
    starting.add_done_callback(started)
    await asked.wait()
    wearing.cancel()
    if worn_out.is_set():
        return os.EX_TEMPFAIL
    return 0 if starting.cancel() or not starting.exception() else 1


async def give_back(kind: Kind, boot: str, left: list[str]) -> None:
    """Return what these interpreters hold to the queue. It takes the code that is on disk now: it may be broken."""
    work = asyncio.to_thread(call_once, kind, "runtime.start.boot:give_back", boot)
    try:
        number = await asyncio.wait_for(work, GIVING_BACK)
    except Exception as error:  # the next start finds them all the same
        reason = " ".join(str(error).split()) or f"not done after {GIVING_BACK} s"
        event("tasks_not_given_back", logging.ERROR, interpreters=",".join(left), reason=reason)
    else:
        event("tasks_given_back", number=number, interpreters=",".join(left))


async def leave(server: Server, supervisor: Supervisor, exit_code: int) -> int:
    """Stop taking requests and tasks, finish what runs, give the rest back."""
    plan = supervisor.plan  # of the last reload
    deadline = time.monotonic() + plan.shutdown_timeout
    faulthandler.dump_traceback_later(plan.shutdown_timeout + GRACE, exit=True)
    supervisor.stop_workers()
    event("stopping", seconds=plan.shutdown_timeout)
    answered = await server.close(deadline - time.monotonic())
    await supervisor.memory_tasks.drain(deadline)
    left = await supervisor.stop(deadline)
    if supervisor.hosts:
        await give_back("isolated" if plan.web.interpreter == "isolated" else "legacy", supervisor.boot, left)
    supervisor.memory_tasks.lose_all()
    await supervisor.peers.stop()
    event("stopped", requests_left=not answered)
    if left or not answered or supervisor.abandoned:
        sys.stderr.flush()
        os._exit(exit_code)  # the interpreters that are still running cannot be closed
    return exit_code  # the timer stays: a start that was interrupted may still migrate, in a thread
