"""Threads that do something until the end of a block."""

import contextlib
import threading
from collections.abc import Callable, Iterator

PATIENCE = 60


@contextlib.contextmanager
def running(function: Callable[[threading.Event], object]) -> Iterator[int]:
    """A thread that runs `function(stop)`, as its native id; `stop` is set at the end of the block."""
    stop, started = threading.Event(), threading.Event()

    def run() -> None:
        started.set()
        function(stop)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield thread.native_id or 0
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()
