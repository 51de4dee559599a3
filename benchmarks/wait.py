"""What `tasks.wait` adds to the work of a task, in a request on an idle server: `python -m benchmarks.wait [NUMBER]`.

From the task's last line until `wait` returns; and all that waiting takes beyond the work, enqueue() included. Tasks of
20 ms, in which who waits falls asleep.
"""

import json
import statistics
import sys

from benchmarks.server import get, running


def main(number: int = 300) -> None:
    with running() as server:
        found = [json.loads(get(f"{server.url}/bench/wait/20")) for _ in range(number + 50)][50:]  # warm
    for name, text in (("after", "last line to return"), ("over", "enqueue to return, without the work")):
        times = sorted(each[name] for each in found)
        p50, p99 = statistics.median(times), times[int(number * 0.99) - 1]
        print(f"{text:<36} p50 {p50:.2f} ms   p99 {p99:.2f} ms   longest {times[-1]:.2f} ms")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
