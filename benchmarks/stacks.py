"""Stacks of tasks that are busy in six ways, a hundred of each by SIGUSR1, while `wrk` asks for a page (needs wrk).

    python -m benchmarks.stacks [NUMBER]       100 of each: about a minute

Prints for each way how many stacks named the right function, how long main was at it (all threads of the process, each
time), what wrk saw, and how the task ended. A sleep must keep its length, a read must get what its peer sends.
"""

import json
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing
from typing import Any

from benchmarks.server import Server, get, running

WAYS = {  # task → the innermost function of its module that a stack has to show
    "python_loop": "compute",
    "regular_expression": "match",
    "sleep": "pause",
    "read_from_a_socket": "receive",
    "sqlite_statement": "query",
    "pillow": "decode",
}
EACH = 0.08  # seconds between two signals
PATIENCE = 60.0  # seconds


def enqueue(server: Server, way: str, argument: float) -> str:
    return str(json.loads(get(f"{server.url}/bench/stuck/{way}/{argument}"))["id"]).replace("-", "")


def row(server: Server, task: str) -> tuple[str, Any]:
    """Its status and result."""
    with closing(sqlite3.connect(server.data_dir / "db.sqlite3", timeout=30)) as connection:
        query = "SELECT status, return_value FROM tasks_taskrecord WHERE id = ?"
        status, value = connection.execute(query, [task]).fetchone()
    return status, json.loads(value) if value else None


def wait_for(server: Server, task: str, *statuses: str) -> tuple[str, Any]:
    end = time.monotonic() + PATIENCE
    while (found := row(server, task))[0] not in statuses and time.monotonic() < end:
        time.sleep(0.02)
    return found


def show(server: Server) -> list[dict[str, Any]]:
    """Send SIGUSR1; the events that the server then logs."""
    with (server.data_dir / "server.log").open() as log:
        log.seek(0, 2)
        server.process.send_signal(signal.SIGUSR1)
        text, end = "", time.monotonic() + PATIENCE
        while '"action": "stacks_shown"' not in text and time.monotonic() < end:
            time.sleep(0.002)
            text += log.read()
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def function_of(stack: str) -> str:
    """The innermost function of benchmarks/site/stuck.py."""
    return ["none", *re.findall(r'stuck\.py", line \d+, in (\w+)', stack)][-1]


def take(server: Server, task: str, number: int) -> tuple[list[str], list[float]]:
    """The functions that the stacks of a task show, and how long main took for each look at all threads."""
    functions, seconds = [], []
    for _ in range(number):
        started, events = time.monotonic(), show(server)
        functions += [function_of(event["stack"]) for event in events if event.get("task") == task]
        seconds += [event["seconds"] for event in events if event.get("action") == "stacks_shown"]
        time.sleep(max(0.0, EACH - (time.monotonic() - started)))
    return functions, seconds


def measure(server: Server, way: str, number: int) -> None:
    seconds = number * EACH
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reads = way == "read_from_a_socket"
        task = enqueue(server, way, listener.getsockname()[1] if reads else seconds + 4)
        wait_for(server, task, "RUNNING")
        peer = listener.accept()[0] if reads else None
        time.sleep(1)  # an image has to be made
        command = ["wrk", "-t1", "-c4", f"-d{seconds:.0f}", "--latency", f"{server.url}/bench/query"]
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        functions, took = take(server, task, number)
        load = wrk.communicate()[0]
        if peer:
            peer.sendall(b"x")
            peer.close()
    status, result = wait_for(server, task, "SUCCESSFUL", "FAILED")
    right, p50, longest = functions.count(WAYS[way]), statistics.median(took) * 1000, max(took) * 1000
    print(f"{way:<20}{right:>6} of {number:<5}{p50:>6.0f}{longest:>9.0f} ms   {requests(load):<34}", end="")
    print(f"{status}, {result if reads else f'{result - seconds - 4:+.3f} s'}", flush=True)


def requests(load: str) -> str:
    """What wrk saw: requests, those that failed, p99."""
    done, p99 = re.search(r"(\d+) requests in", load), re.search(r"99%\s+([\d.]+\w+)", load)
    failed = sum(
        int(number) for line in re.findall(r"(?:Non-2xx|Socket).*", load) for number in re.findall(r" (\d+)", line)
    )
    return f"{done[1] if done else '?':>7}, {failed} failed, p99 {p99[1] if p99 else '?'}"


def main(number: int = 100) -> None:
    with running(LOG_FORMAT="json") as server:
        print(f"{'task':<20}{'right':>12}{'p50':>8}{'longest':>10}      {'requests meanwhile':<34}end, off its length")
        for way in WAYS:
            measure(server, way, number)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
