"""The Python stack of any thread of this process, of whatever interpreter, also while C code holds its GIL.

The thread itself writes it down, in a signal handler of C (faulthandler's), into a pipe that is read here. It writes
its own frames alone: nothing else runs in it meanwhile, so none of them can go away. (Those of other threads can: with
all_threads=True the process crashes.) System calls are restarted.
"""

import contextlib
import ctypes
import faulthandler
import fcntl
import linecache
import os
import re
import signal
import threading
import time
from functools import cache
from pathlib import Path
from traceback import FrameSummary, StackSummary

from runtime.shared import descriptors

SIGNAL = signal.SIGUSR2
LONGEST = 0.25  # seconds for a thread to answer, at its next turn on a processor; main waits (0.14 seen under load)
SILENCE = 0.002  # seconds after which a thread that took the signal and wrote nothing runs no Python
STEP = 0.0002  # seconds between two looks at a thread that is writing
TRIES = 3  # a thread that is just calling something cannot tell its frames (one time in some hundreds)
PIPE_SIZE = 1024 * 1024  # bytes: a hundred frames, which is all that is written, with the longest of names

FRAME = re.compile(r'  File "(.*)", line (\d+|\?\?\?) in (.*)')
ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4}))")
MASKS = re.compile(r"^Sig(?:Pnd|Blk):\t(\w+)", re.MULTILINE)

_one_at_a_time = threading.Lock()
_libc = ctypes.CDLL(None)


def stack_of(thread: int) -> StackSummary | None:
    """The stack of a thread, by its native id; None where it has ended, runs no Python, or does not answer.

    The first time it must be the main thread that asks.
    """
    with _one_at_a_time:
        for _ in range(TRIES):
            if not (text := _ask(thread, _pipe())):
                break
            if stack := parse(text):
                return stack
    return None


def in_text(stack: StackSummary) -> str:
    """As in a traceback, with the lines of source."""
    linecache.checkcache()
    return "".join(stack.format())


def parse(text: str) -> StackSummary | None:
    """What faulthandler has written, the outermost frame first; None where it is no whole stack."""
    lines = [line for line in text.splitlines()[1:] if line != "  ..."]  # dots: it is deeper than a hundred
    frames = [match.groups() for line in lines if (match := FRAME.fullmatch(line))]
    if not frames or len(frames) < len(lines):
        return None
    return StackSummary(_frame(*frame) for frame in reversed(frames))


def _frame(file: str, line: str, name: str) -> FrameSummary:
    return FrameSummary(_unescaped(file), int(line) if line.isdigit() else 0, _unescaped(name), lookup_line=False)


def _unescaped(name: str) -> str:
    return ESCAPED.sub(lambda match: chr(int(match[match.lastindex or 0], 16)), name)


class Pipe:
    """What the signal handler writes to. It never waits: what does not fit is lost."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # this user may have too many large pipes
            fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self.poll = descriptors.poll_of([self.reading])
        signal.signal(SIGNAL, signal.SIG_IGN)  # in force again for the moment of a retract()
        self.retract()

    def retract(self) -> None:
        """Take back a signal that no thread has taken: the kernel drops those that wait once a signal is ignored."""
        faulthandler.unregister(SIGNAL)
        faulthandler.register(SIGNAL, file=self.writing, all_threads=False)

    def read(self) -> str:
        try:
            return os.read(self.reading, PIPE_SIZE).decode()
        except BlockingIOError:
            return ""


_pipe = cache(Pipe)  # made when somebody asks for the first time


def _ask(thread: int, pipe: Pipe) -> str:
    """Send the signal and wait until its handler has returned; what it wrote."""
    pipe.read()
    if _libc.tgkill(os.getpid(), thread, SIGNAL) != 0:
        return ""  # it has ended
    end, quiet_since = time.monotonic() + LONGEST, 0.0
    while (now := time.monotonic()) < end:
        has_begun = bool(pipe.poll.poll(1))
        if _is_in_hand(thread):
            quiet_since = 0.0
            time.sleep(STEP)
        elif has_begun:
            return pipe.read()
        elif not quiet_since:
            quiet_since = now  # it may have written since the look into the pipe: look again
        elif now - quiet_since > SILENCE:
            return ""
    pipe.retract()
    return ""


def _is_in_hand(thread: int) -> bool:
    """Whether the signal waits for the thread or is being handled, which is while the kernel blocks it there."""
    try:
        status = Path(f"/proc/self/task/{thread}/status").read_text()
    except OSError:
        return False
    return any(int(mask, 16) & 2 ** (SIGNAL - 1) for mask in MASKS.findall(status))
