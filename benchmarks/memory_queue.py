"""A task in memory beside one in the table, on SQLite, in one server: how soon, how many, and what enqueue() takes.

    python -m benchmarks.memory_queue [NUMBER [TASKS [ROUNDS]]]     200 for how soon, 5,000 for how many, 3 rounds

From enqueue() in a request to the first line of the task, 50 ms apart, the two kinds in turn. No-op tasks a second of
one worker thread, enqueued while it was busy. enqueue() one by one, in one request.
"""

import json
import statistics
import sys
import time
from pathlib import Path

from benchmarks.server import Server, get, running

KINDS = {"memory": "in memory", "default": "in the table"}
APART = 0.05  # seconds
HOLD = 4  # seconds that the worker is busy while its queue is filled


def lines_of(file: Path, number: int) -> list[float]:
    """What the tasks have written, once it is so much."""
    while not file.exists() or file.read_text().count("\n") < number:
        time.sleep(0.05)
    return [float(line) for line in file.read_text().split()]


def how_soon(server: Server, number: int) -> None:
    files = {kind: server.data_dir / f"soon-{kind}" for kind in KINDS}
    for _ in range(number + 20):
        for kind, file in files.items():
            get(f"{server.url}/bench/memory/soon/{kind}?file={file}")
            time.sleep(APART)
    for kind, file in files.items():
        found = sorted(lines_of(file, number + 20)[20:])  # warm
        p50, p99 = statistics.median(found), found[int(number * 0.99) - 1]
        print(f"{KINDS[kind]:<14} first line after   p50 {p50:.2f} ms   p99 {p99:.2f} ms   longest {found[-1]:.2f} ms")


def how_many(server: Server, tasks: int, rounds: int) -> None:
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    costs: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS:
            file = server.data_dir / f"many-{kind}-{number}"
            url = f"{server.url}/bench/memory/many/{kind}?file={file}&tasks={tasks}&hold={HOLD}"
            costs[kind].append(json.loads(get(url))["microseconds"])
            first, last = lines_of(file, 2)
            rates[kind].append(tasks / (last - first))
    for kind, name in KINDS.items():
        print(
            f"{name:<14} {statistics.median(rates[kind]):>7,.0f} tasks/s ({min(rates[kind]):,.0f} to "
            f"{max(rates[kind]):,.0f})   enqueue() {statistics.median(costs[kind]):.0f} µs"
        )


def main(number: int = 200, tasks: int = 5000, rounds: int = 3) -> None:
    with running(BENCHMARK_MEMORY="1") as server:
        how_soon(server, number)
        how_many(server, tasks, rounds)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
