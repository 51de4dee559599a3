"""Eight threads enqueue while four workers run, all on one SQLite: does `database is locked` reach anybody?

    python -m benchmarks.contention [SECONDS]      60 s each: from another process, then through HTTP

Prints what was enqueued and how long it took, and every error: of those who enqueue, in the server's log, of tasks.
"""

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.server import PROJECT, Server, get, running
from benchmarks.site.enqueue import Enqueuers

THREADS, WORKERS = 8, 4


def by_a_process(server: Server, seconds: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.site.enqueue", str(THREADS), str(seconds)]
    done = subprocess.run(command, cwd=PROJECT, env=server.environment, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def by_http(server: Server, seconds: int) -> dict[str, Any]:
    return Enqueuers(THREADS, seconds, lambda: get(f"{server.url}/bench/enqueue")).run()


def show(name: str, enqueue: Callable[[Server, int], dict[str, Any]], seconds: int) -> None:
    with running(BENCHMARK_WORKERS=str(WORKERS)) as server:
        found = enqueue(server, seconds)
        with contextlib.closing(sqlite3.connect(server.data_dir / "db.sqlite3", timeout=30)) as connection:
            status = dict(connection.execute("SELECT status, count(*) FROM tasks_taskrecord GROUP BY 1").fetchall())
            ends = [
                text for (text,) in connection.execute("SELECT history FROM tasks_taskrecord WHERE history != '[]'")
            ]
        log = (server.data_dir / "server.log").read_text()
    p50, p99, slowest = (found[key] * 1000 for key in ("p50", "p99", "slowest"))
    print(f"{name}, {seconds} s: {found['enqueued']} enqueued, {status.get('SUCCESSFUL', 0)} of them run")
    print(f"  one enqueue: p50 {p50:.1f} ms, p99 {p99:.1f} ms, slowest {slowest:.0f} ms")
    locked = log.count("is locked") + sum(text.count("is locked") for text in ends)
    locked += sum(number for text, number in found["errors"].items() if "is locked" in text)
    errors = sum(" ERROR " in line for line in log.splitlines())
    print(f"  database is locked: {locked}; errors: {sum(found['errors'].values())} of those who enqueue, ", end="")
    print(f"{errors} in the log, {status.get('FAILED', 0)} failed tasks", flush=True)
    for text in [*found["errors"], *ends[:3]]:
        print(f"  {text[:500]}")


def main(seconds: int = 60) -> None:
    show(f"{THREADS} threads of another process, {WORKERS} workers", by_a_process, seconds)
    show(f"{THREADS} connections, {WORKERS} workers", by_http, seconds)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
