"""The first task of a pool that is at zero: from enqueue() to its first line.

python -m benchmarks.first_task [ROUNDS]
"""

import statistics
import sys

from benchmarks.latency import measure
from benchmarks.server import running

TARGET = 0.5  # seconds


def once(queue: str) -> float:
    """Milliseconds on a fresh server, which has been idle since its start."""
    with running(BENCHMARK_ENQUEUE_TO=queue) as server:
        return measure(server, 1, TARGET * 4)[0]


def main(rounds: int = 5) -> None:
    for queue, kind in (("exports", "isolated"), ("images", "legacy")):
        times = sorted(once(queue) for _ in range(rounds))
        print(
            f"{queue} ({kind}): median {statistics.median(times):.0f} ms, {times[0]:.0f} to {times[-1]:.0f}", flush=True
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
