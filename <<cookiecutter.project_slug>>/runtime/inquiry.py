"""A look at one running task from outside: its stack, or a profile of some seconds of it.

`python main.py stack TASK [--seconds N]`, or `ask` from wherever DATA_DIR can be reached, a view for example. The
question goes to the servers' sockets (wakeup.py) with the writing end of a pipe; each server that runs the task writes
its answer there, and all close it. While nobody asks, nothing of this costs anything.
"""

import asyncio
import contextlib
import os
from pathlib import Path

from runtime import wakeup
from runtime.plan import Plan
from runtime.stacks import Stacks

LONGEST = 600.0  # seconds of a profile


class Inquiries:
    """Main's side."""

    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks
        self.answers: set[asyncio.Task[None]] = set()

    def receive(self, message: str, descriptor: int) -> None:
        """A question, "stack TASK SECONDS", and where its answer is to be written."""
        answer = asyncio.get_running_loop().create_task(self._answer(message, descriptor))
        self.answers.add(answer)
        answer.add_done_callback(self.answers.discard)

    async def _answer(self, message: str, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        pipe, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(descriptor, "wb", buffering=0))
        with contextlib.closing(pipe), contextlib.suppress(ValueError):  # it is no question that is known here
            word, task, seconds = message.split()
            if word == "stack":
                pipe.write((await self._look(task, float(seconds))).encode())

    async def _look(self, task: str, seconds: float) -> str:
        if seconds > 0:
            return await self.stacks.profile(task, min(seconds, LONGEST))
        sight = self.stacks.of_task(task)
        return sight.text if sight else ""


def ask(folder: Path, task: str, seconds: float = 0) -> str:
    """The stack of a task as in a traceback, or with `seconds` its profile; "" where no server on the folder runs it.

    The profile has a line for each stack that was seen, "outer;inner 12": how often, the most frequent first.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        wakeup.send(folder, f"stack {task} {seconds}", writing)
    finally:
        os.close(writing)
    with open(reading) as answers:
        return answers.read()


def show_stack(plan: Plan, task: str, seconds: float) -> int:
    """Print it; returns 1 where the task does not run."""
    text = ask(plan.data_path, task, seconds)
    print(text or f"No server on {plan.data_dir} runs the task {task}.")
    return 0 if text else 1
