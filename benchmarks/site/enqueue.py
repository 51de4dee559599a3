"""Eight (or so) threads that enqueue one no-op task after the other; prints what they saw as JSON.

python -m benchmarks.site.enqueue THREADS SECONDS
"""

import collections
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any


class Enqueuers:
    """Threads that call `enqueue` without pause."""

    def __init__(self, threads: int, seconds: float, enqueue: Callable[[], object]) -> None:
        self.end, self.enqueue = time.monotonic() + seconds, enqueue
        self.times: list[float] = []
        self.errors: collections.Counter[str] = collections.Counter()
        self.threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def run(self) -> dict[str, Any]:
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        found = sorted(self.times)
        p50, p99 = (found[int(len(found) * share)] for share in (0.5, 0.99))
        return {"enqueued": len(found), "errors": self.errors, "p50": p50, "p99": p99, "slowest": found[-1]}

    def _run(self) -> None:
        while (started := time.monotonic()) < self.end:
            try:
                self.enqueue()
            except Exception as error:
                self.errors[repr(error)] += 1
            else:
                self.times.append(time.monotonic() - started)


def main(threads: int, seconds: int) -> None:
    import django

    django.setup()
    from benchmarks.site.tasks import nothing

    print(json.dumps(Enqueuers(threads, seconds, nothing.enqueue).run()))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
