"""From enqueue() in a request to the first line of the task, on an idle server.

python -m benchmarks.latency [NUMBER [MILLISECONDS_APART [SECONDS_OF_IDLING_BEFORE]]]
"""

import json
import statistics
import sys
import time

from benchmarks.server import Server, get, running


def measure(server: Server, number: int, apart: float) -> list[float]:
    """Milliseconds of `number` tasks, `apart` seconds apart."""
    ids = []
    for _ in range(number):
        ids.append(json.loads(get(f"{server.url}/bench/enqueue"))["id"])
        time.sleep(apart)
    return [json.loads(get(f"{server.url}/bench/result/{task}"))["result"] for task in ids]


def main(number: int = 200, apart: int = 50, idle: int = 0) -> None:
    with running() as server:
        measure(server, 20, 0.02)  # warm
        print(f"idling for {idle} s ...", flush=True)
        time.sleep(idle)
        found = sorted(measure(server, number, apart / 1000))
    p50, p99 = statistics.median(found), found[int(len(found) * 0.99) - 1]
    print(f"{number} tasks, {apart} ms apart: p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {found[-1]:.2f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
