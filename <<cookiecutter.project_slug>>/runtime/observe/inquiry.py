"""Questions to the running server from outside: the stack of a task, or a profile of some seconds of it; its state.

`python main.py stack TASK [--seconds N]`, or `ask` from wherever DATA_DIR can be reached, a view for example. The
question goes to the servers' sockets (node_sockets.py) with the writing end of a pipe; whom it concerns writes an
answer there, and all close it. While nobody asks, nothing of this costs anything.

stack TASK SECONDS    what a running task does
status NODE           the server at a glance, as JSON; and the other questions of answers.py
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.shared import descriptors, node_sockets
from runtime.shared.plan import Plan

if TYPE_CHECKING:
    from runtime.observe.stacks import Stacks  # which isolated interpreters refuse (faulthandler)

LONGEST = 600.0  # seconds of a profile
PATIENCE = 5.0  # seconds for an answer that takes some milliseconds

type Question = Callable[..., Coroutine[Any, Any, str]]  # of the words behind the first one


class Inquiries:
    """Main's side."""

    def __init__(self, stacks: Stacks, questions: dict[str, Question] | None = None) -> None:
        self.stacks = stacks
        self.questions = {"stack": self._look} | (questions or {})
        self.answers: set[asyncio.Task[None]] = set()

    def receive(self, message: str, descriptor: int) -> None:
        """A question, and where its answer is to be written."""
        answer = asyncio.get_running_loop().create_task(self._answer(message, descriptor))
        self.answers.add(answer)
        answer.add_done_callback(self.answers.discard)

    async def _answer(self, message: str, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(descriptor, "wb", buffering=0))
        with contextlib.closing(pipe), contextlib.suppress(ValueError, TypeError):  # it is no question that is known
            word, *rest = message.split()
            if word in self.questions:
                pipe.write((await self.questions[word](*rest)).encode())

    async def _look(self, task: str, seconds: str) -> str:
        if float(seconds) > 0:
            return await self.stacks.profile(task, min(float(seconds), LONGEST))
        sight = self.stacks.of_task(task)
        return sight.text if sight else ""


def ask(folder: Path, task: str, seconds: float = 0) -> str:
    """The stack of a task as in a traceback, or with `seconds` its profile; "" where no server on the folder runs it.

    The profile has a line for each stack that was seen, "outer;inner 12": how often, the most frequent first.
    """
    return put(folder, f"stack {task} {seconds}", PATIENCE + min(seconds, LONGEST))


def put(folder: Path, question: str, patience: float = PATIENCE) -> str:
    """The answer to a question; "" where nobody has one. Raises TimeoutError after `patience` seconds."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        node_sockets.send(folder, question, writing)
    finally:
        os.close(writing)
    with open(reading, "rb", buffering=0) as answers:
        return b"".join(_parts(answers, time.monotonic() + patience)).decode()


def _parts(answers: FileIO, deadline: float) -> Iterator[bytes]:
    poll = descriptors.poll_of([answers.fileno()])
    while poll.poll(max(0, deadline - time.monotonic()) * 1000):
        if not (part := answers.read(65536)):
            return
        yield part
    raise TimeoutError("The server does not answer.")


def overview(folder: Path, node: str) -> dict[str, Any]:
    """A running server at a glance (overview.py); empty where it is not there, or does not answer."""
    with contextlib.suppress(TimeoutError):
        answer: dict[str, Any] = json.loads(put(folder, f"status {node}") or "{}")
        return answer
    return {}


def show_stack(plan: Plan, task: str, seconds: float) -> int:
    """Print it; returns 1 where the task does not run."""
    text = ask(plan.data_path, task, seconds)
    print(text or f"No server on {plan.data_dir} runs the task {task}.")
    return 0 if text else 1
