"""The command line of main.py, and the first and last lines that a start prints."""

import argparse
import contextlib
import importlib.util
import logging.config
import os
import sys
import threading
from collections.abc import Callable
from concurrent import interpreters
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from runtime.interpreter import inside
from runtime.interpreter.host import call_once
from runtime.interpreter.kinds import close, create
from runtime.shared import log
from runtime.shared.log import event
from runtime.shared.node import AlreadyServed, Node, take_node
from runtime.shared.plan import Plan, StartError, WebPool, WorkerPool
from runtime.shared.terminal import styled, table
from runtime.start.refusals import refuse_tracemalloc


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Serve the web and run the background tasks.",
        epilog="status: its interpreters and queues. stack TASK: where a task is, and what it waits for.",
    )
    parser.add_argument("command", nargs="?", choices=["status", "stack"], help="of the running server: see below")
    parser.add_argument("task", nargs="?", help="the id of a running task (stack)")
    parser.add_argument("--seconds", type=float, default=0.0, help="a profile of so many seconds instead (stack)")
    parser.add_argument("--host", help="the address to listen on (HOST)")
    parser.add_argument("--port", help="the port to listen on (PORT)")
    parser.add_argument("--reload", action="store_true", help="for development: new code as soon as a file changes")
    parser.add_argument("--check", action="store_true", help="try what would run where, and leave with 0 or 1")
    arguments = parser.parse_args()
    if (arguments.command == "stack") != bool(arguments.task):
        parser.error("stack takes the id of a task, and nothing else does")
    return arguments


class Boot:
    """The first interpreter: reads the settings, prepares database and files, and is closed before the others start."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        refuse_tracemalloc()
        self.arguments = arguments
        for name in ("host", "port"):
            if getattr(arguments, name):
                os.environ[name.upper()] = getattr(arguments, name)
        self.interpreter = create("isolated")
        self.kind = "isolated"

    def read_plan(self) -> Plan:
        """The plan that settings and arguments ask for. Raises StartError with one line where a value is wrong."""
        threading.current_thread().name = "main"
        plan = self._read()
        logging.config.dictConfig(log.configuration(plan.log_format))
        return plan

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(interpreters.InterpreterNotFoundError):  # closed already
            close(self.interpreter)

    def prepare(self, *node_and_boot: str) -> dict[str, Any]:
        """Checks, migrations, static files, recovery. Raises StartError where they do not allow a start."""
        try:
            if self.kind == "isolated":
                return self._call("prepare", *node_and_boot)
            return _answer(call_once(self.kind, "runtime.start.boot:prepare", *node_and_boot))
        finally:
            close(self.interpreter)

    def again(self, accept: Callable[[Plan], None]) -> tuple[Plan, dict[str, Any]]:
        """The plan of the code that is on disk now, and what `prepare` returns. Raises StartError as a start does.

        `accept` raises one as well, for a plan that this process cannot go on with: before anything is prepared.
        """
        with Boot(self.arguments) as fresh:
            plan = fresh._read()
            accept(plan)
            return plan, fresh.prepare()

    def _read(self) -> Plan:
        plan = Plan.from_dict(self._call("read_plan"))
        self.kind = plan.web.interpreter
        return plan

    def _call(self, function: str, *arguments: str) -> dict[str, Any]:
        with ThreadPoolExecutor(max_workers=1) as thread:  # what it leaves behind in the heap is not main's
            work = thread.submit(self.interpreter.call, inside.call, f"runtime.start.boot:{function}", *arguments)
            return _answer(work.result())


def _answer(found: dict[str, Any] | None) -> dict[str, Any]:
    """What a function of boot.py has found. Raises StartError where that is an error."""
    if found is None:
        raise StartError("There is not enough memory to start.")
    if "error" in found:
        raise StartError(found["error"])
    return found


def take_data_dir(plan: Plan) -> Node:
    """Hold DATA_DIR for this process. Raises StartError where another one has it, or nothing can be written to it."""
    try:
        node = take_node(plan.data_path, shared=plan.database != "sqlite3")
        (plan.data_path / "tmp").mkdir(exist_ok=True)  # uploads come as soon as the port is open
        return node
    except AlreadyServed as error:
        raise StartError(str(error)) from error
    except OSError as error:
        raise StartError(f"DATA_DIR={plan.data_dir}: {error.strerror}.") from error


def announce(plan: Plan, address: str, state: dict[str, Any]) -> None:
    """Say where the server can be reached, and what whoever runs it should know."""
    for problem in plan.problems:
        log.logger.warning(problem)
    spec = importlib.util.find_spec("django")
    if spec and spec.cached and not Path(spec.cached).exists():
        log.logger.warning("Django has no compiled bytecode: interpreters start slower. `uv sync --compile-bytecode`.")
    if plan.log_format == "text":
        print(introduction(plan, address), file=sys.stderr, flush=True)
    if state["first_account"]:
        log.logger.warning("There is no account yet. Make the first one at %s%s", address, state["first_account"])
    event("server_ready", address=address, pid=os.getpid())


def introduction(plan: Plan, address: str) -> str:
    """What runs where, and which address to open."""
    rows = [["web" if isinstance(pool, WebPool) else pool.name, *_in_words(pool)] for pool in plan.pools]
    pools = table(("pool", "interpreters", "GIL", "for"), rows, sys.stderr) if rows else ""
    where = styled(address, "bold", sys.stderr) if "web" in plan.roles else "no web on this node"
    return f"\n{pools}\n\n{where}\n"


def _in_words(pool: WebPool | WorkerPool) -> tuple[str, str, str]:
    number = f"{pool.least}" if pool.least == pool.most else f"{pool.least} to {pool.most}"
    threads = f" × {pool.threads} threads" if pool.threads > 1 else ""
    serves = "requests" if isinstance(pool, WebPool) else ", ".join(pool.queues)
    return f"{number}{threads}", pool.interpreter, serves
