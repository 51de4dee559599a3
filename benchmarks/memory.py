"""Memory of the whole process (PSS), idle, with default settings: `python -m benchmarks.memory [TIMES]`.

Prints the medians in MiB: once it is ready, and after 200 pages.
"""

import statistics
import sys
import time
from pathlib import Path

from benchmarks.server import get, running

SETTLE, PAGES = 5, 200  # seconds; requests


def pss(process: int) -> float:
    """MiB."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure() -> tuple[float, float]:
    with running(DJANGO_SETTINGS_MODULE="config.settings") as server:
        time.sleep(SETTLE)
        ready = pss(server.process.pid)
        for _ in range(PAGES):
            get(f"{server.url}/")
        time.sleep(SETTLE)
        return ready, pss(server.process.pid)


def main(times: int = 3) -> None:
    rounds = [measure() for _ in range(times)]
    for name, column in zip(("ready", f"after {PAGES} pages"), zip(*rounds, strict=True), strict=True):
        print(f"{name:<16} {statistics.median(column):.0f} MiB  ({min(column):.0f} to {max(column):.0f})")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
