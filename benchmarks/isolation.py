"""A critical task beside full slow queues: from enqueue() to its first line, alone and beside them.

    python -m benchmarks.isolation [ROUNDS]

Alone, and while `default`, `exports` and `images` have more tasks waiting than they can run in the time, each of
which waits for something, as most slow tasks do (busy ones share the processor with everybody: benchmarks.documents).
"""

import statistics
import subprocess
import sys

from benchmarks.latency import measure
from benchmarks.server import PROJECT, Server, running

WAITING = 1000  # tasks in each slow queue, of 0.1 s
TASKS, APART = 200, 0.05


def fill(server: Server) -> None:
    code = (
        "from django.tasks import task_backends; from benchmarks.site.tasks import wait;"
        f"[task_backends['default'].enqueue_many(wait.using(queue_name=name), [((0.1,), {{}})] * {WAITING})"
        " for name in ('default', 'exports', 'images')]"
    )
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    subprocess.run(command, cwd=PROJECT, env=server.environment, check=True)


def main(rounds: int = 3) -> None:
    found: dict[str, list[tuple[float, float]]] = {"alone": [], "beside full queues": []}
    for _ in range(rounds):
        with running(BENCHMARK_ENQUEUE_TO="critical") as server:
            measure(server, 20, 0.02)  # warm
            for name, times in found.items():
                if times is not found["alone"]:
                    fill(server)
                milliseconds = sorted(measure(server, TASKS, APART))
                times.append((statistics.median(milliseconds), milliseconds[int(TASKS * 0.99) - 1]))
                print(f"  {name}: p50 {times[-1][0]:.2f} ms, p99 {times[-1][1]:.2f} ms", flush=True)
    for name, times in found.items():
        p50, p99 = (statistics.median(values) for values in zip(*times, strict=True))
        print(f"{name:<20} p50 {p50:.2f} ms   p99 {p99:.2f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
