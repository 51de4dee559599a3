"""One thread as it was when somebody looked (stacks.py), and how that is told: in the log, in a row, in a profile."""

import sys
import time
from dataclasses import dataclass
from functools import cache
from traceback import StackSummary
from typing import Any

from runtime.observe import dump


@dataclass(frozen=True, slots=True)
class Work:
    """What a thread runs."""

    since: int = 0  # monotonic ns; 0: it has nothing to do
    task: str = ""  # its id, 32 hexadecimal digits
    request: str = ""  # "GET /orders/"

    @property
    def seconds(self) -> float:
        return round((time.monotonic_ns() - self.since) / 1e9, 3) if self.since else 0


@dataclass(frozen=True, slots=True)
class Sight:
    name: str  # of its interpreter, with the thread's own behind a dot: default-1, web-1.2, default-1.watchdog, main
    thread: int  # native id
    work: Work
    waits: str  # "recv from 10.0.0.5:443"; "" where it computes, or waits for what is no descriptor
    stack: StackSummary  # outermost frame first

    def fields(self) -> dict[str, Any]:
        """What is known of it, for an event of the log."""
        known = {
            "interpreter": self.name, "thread": self.thread, "task": self.work.task, "request": self.work.request,
            "seconds": self.work.seconds, "waits": self.waits,
        }  # fmt: skip
        return {name: value for name, value in known.items() if value}

    @property
    def text(self) -> str:
        words = " ".join(f"{name}={value}" for name, value in self.fields().items())
        return f"{words}\n{dump.in_text(self.stack)}"


def collapsed(stack: StackSummary) -> str:
    """A stack as programs for flame graphs read it, outermost first: "work (shop/tasks.py);pause (shop/time.py)"."""
    return ";".join(f"{frame.name} ({_short(frame.filename)})".replace(";", ",") for frame in stack)


@cache
def _short(file: str) -> str:
    """The path as it is imported: without the folder that is on sys.path."""
    folders = [folder for folder in sys.path if folder and file.startswith(f"{folder}/")]
    return file[len(max(folders, key=len)) + 1 :] if folders else file
