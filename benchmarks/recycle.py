"""A thousand successors of one interpreter in a running server: is anything left of those that have gone?

    python -m benchmarks.recycle [TIMES]

The pool `recycled` replaces its interpreter after each task (max_tasks=1). One task is enqueued, and the next one when
the old interpreter has been closed. Prints resident memory, descriptors and threads on the way.
"""

import sys
import time
from pathlib import Path
from typing import IO

from benchmarks.server import Server, get, running

SHOW_AT = (0, 10, 100, 300, 600, 1000)
SETTLE = 0.5  # seconds: an interpreter is told closed by the thread that it ran in, which ends a moment later


def count(server: Server, name: str, **labels: str) -> float:
    """A metric; `process` is this server's."""
    wanted = "".join(f'{key}="{value}"' for key, value in labels.items())
    for line in get(f"{server.url}/metrics").decode().splitlines():
        if line.startswith(name) and wanted in line:
            return float(line.rpartition(" ")[2])
    return 0.0


def show(server: Server, times: int) -> tuple[int, int]:
    time.sleep(SETTLE)
    process = Path(f"/proc/{server.process.pid}")
    descriptors, threads = len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))
    resident = count(server, "process_resident_memory_bytes") / 2**20
    print(f"{times:>5} times  {resident:6.0f} MB  {descriptors} descriptors  {threads} threads", flush=True)
    return descriptors, threads


def recycle(server: Server, log: IO[str]) -> None:
    """One task, and wait for the end of the interpreter that ran it."""
    get(f"{server.url}/bench/enqueue")
    while "interpreter_closed interpreter=recycled-1" not in log.readline():
        time.sleep(0.001)


def main(times: int = 1000) -> None:
    with (
        running(BENCHMARK_RECYCLE="1", BENCHMARK_ENQUEUE_TO="recycled") as server,
        (server.data_dir / "server.log").open() as log,
    ):
        first = {}
        started = time.monotonic()
        for number in range(times + 1):
            if number in SHOW_AT or number == times:
                first[number] = show(server, number)
            if number < times:
                recycle(server, log)
        failed = count(server, "tasks_total", outcome="failed")
        print(f"{(time.monotonic() - started) / times:.2f} s each; failed tasks: {failed:.0f}")
        assert first[times] == first[min(10, times)], "descriptors or threads are left over"


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
