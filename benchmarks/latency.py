"""From enqueue() in a request to the first line of the task, on an idle server; then the same of Huey with Redis.

    python -m benchmarks.latency [NUMBER [MILLISECONDS_APART [SECONDS_OF_IDLING_BEFORE [ROUNDS]]]]

Huey is enqueued to from a plain process, without a web server before it. Without redis-server it is left out.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.server import ROOT, Server, get, running
from benchmarks.throughput import CACHE, WORKERS, install_others, redis, started, wait_until


def measure(server: Server, number: int, apart: float) -> list[float]:
    """Milliseconds of `number` tasks, `apart` seconds apart."""
    ids = []
    for _ in range(number):
        ids.append(json.loads(get(f"{server.url}/bench/enqueue"))["id"])
        time.sleep(apart)
    return [json.loads(get(f"{server.url}/bench/result/{task}"))["result"] for task in ids]


def of_the_project(number: int, apart: float, idle: int) -> list[float]:
    with running() as server:
        measure(server, 20, 0.02)  # warm
        time.sleep(idle)
        return measure(server, number, apart)


def of_huey(number: int, apart: float, idle: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder, redis(Path(folder) / "redis.log") as url:
        variables = os.environ | {"PYTHONPATH": str(ROOT), "BENCHMARK_REDIS": url, "BENCHMARK_MARKS": folder}
        variables["BENCHMARK_RESULTS"] = "0"
        marks, log = Path(folder) / "milliseconds", Path(folder) / "worker.log"
        consumer = [str(CACHE / "bin" / "huey_consumer"), "benchmarks.others.huey_app.huey", "-k", "process", "-q"]
        with started([*consumer, "-w", str(WORKERS)], log, cwd=folder, env=variables) as process:
            code = "import time; from benchmarks.others.huey_app import enqueue_slowly as slowly; slowly(20, 0.02);"
            code += f"time.sleep({idle}); slowly({number}, {apart})"
            subprocess.run([CACHE / "bin" / "python", "-c", code], cwd=folder, env=variables, check=True)
            wait_until(lambda: len(marks.read_text().splitlines()) == number + 20, process, log)
        return [float(line) for line in marks.read_text().splitlines()[20:]]


def main(number: int = 200, apart: int = 50, idle: int = 0, rounds: int = 3) -> None:
    kinds = {"this project, SQLite": of_the_project}
    if shutil.which("redis-server"):
        install_others()
        kinds["Huey with Redis"] = of_huey
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, take in kinds.items():
            times = sorted(take(number, apart / 1000, idle))
            p50, p99 = statistics.median(times), times[int(len(times) * 0.99) - 1]
            found[name].append((p50, p99))
            print(f"  {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {times[-1]:.2f} ms", flush=True)
    print(f"{number} tasks, {apart} ms apart, after {idle} s of idling; medians of {rounds}")
    for name, pairs in found.items():
        p50, p99 = (statistics.median(values) for values in zip(*pairs, strict=True))
        print(f"{name:22} p50 {p50:.2f} ms   p99 {p99:.2f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
