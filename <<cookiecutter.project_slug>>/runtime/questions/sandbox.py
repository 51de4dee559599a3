"""The process in which `main.py --check` tries an interpreter. It imports little: only the rest is to be measured."""

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.interpreters import ExecutionFailed, Interpreter
from functools import partial
from importlib import import_module
from typing import Any

from runtime.interpreter.kinds import create


def main() -> None:
    """Write what came of it to standard output (the fields of trial.Trial, as JSON), and nothing else."""
    report = os.dup(1)
    os.dup2(2, 1)  # what imported code prints is no part of it
    kind, target, arguments = sys.argv[1:]
    trial = _try(kind, target, *json.loads(arguments))
    if kind == "legacy":
        again = _try(kind, target, *json.loads(arguments))
        trial |= {"answer": again["answer"], "error": again["error"]}
    os.write(report, json.dumps(trial).encode())
    os._exit(0)  # nothing of what was imported can hold it up, or crash it


alive: list[Interpreter] = []  # one that nobody holds is closed, and what it had is free for the next


def _try(kind: str, target: str, *arguments: Any) -> dict[str, Any]:
    call = partial(run, target, *arguments)
    if kind != "main":
        alive.append(create(kind))
        alive[-1].call(run, "os:getpid")  # it has this module, then
        call = partial(alive[-1].call, run, target, *arguments)
    before, started = _resident(), time.process_time()  # of the processor: others run at the same time
    answer, error = _answer_of(call)
    seconds = time.process_time() - started
    megabytes = max(0, _resident() - before) / 2**20
    return {"answer": answer, "error": error, "milliseconds": 1000 * seconds, "megabytes": megabytes}


def _answer_of(call: Callable[[], dict[str, Any] | None]) -> tuple[dict[str, Any], str]:
    try:
        answer = call()
    except ExecutionFailed as error:
        return {}, error.excinfo.formatted
    except BaseException as error:  # SystemExit too
        return {}, repr(error)
    if answer is None:
        return {}, "needs more memory than there is"  # the one error that Interpreter.call() does not report
    return answer, ""


def run(target: str, *arguments: Any) -> Any:
    """In the interpreter: call the function `target` ("module:function")."""
    module, function = target.split(":")
    return getattr(import_module(module), function)(*arguments)


def load(modules: list[str], extensions: list[str]) -> dict[str, Any]:
    """In the interpreter: import a library. `refused` are those of its extension modules that do not load there."""
    try:
        for module in modules:
            import_module(module)
    except Exception as error:
        from runtime.start.explain import in_one_line, is_refusal, refused

        names = [refused(error)] if is_refusal(error) else []
        return {"error": in_one_line(error), "refused": names}
    return {"error": "", "refused": [name for name in extensions if _refuses(name)]}


def _refuses(extension: str) -> bool:
    try:
        import_module(extension)
    except Exception as error:  # of any kind: some are no modules of Python's, ctypes loads them
        from runtime.start.explain import is_refusal

        return is_refusal(error)
    return False


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
