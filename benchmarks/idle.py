"""What the idle server does: `python -m benchmarks.idle [SECONDS]`, after a few pages and tasks.

Prints how many statements SQLite executed in the whole process, which, from which interpreter, and the CPU seconds.
"""

import collections
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.server import get, running

SETTLE = 10  # seconds


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(seconds: int = 60) -> None:
    with tempfile.NamedTemporaryFile(suffix=".sql") as file, running(BENCHMARK_QUERIES=file.name) as server:
        for path in ["/", "/bench/enqueue"] * 20:
            get(server.url + path)
        time.sleep(SETTLE)
        before, cpu = Path(file.name).read_text().splitlines(), cpu_seconds(server.process.pid)
        time.sleep(seconds)
        cpu = cpu_seconds(server.process.pid) - cpu
        statements = Path(file.name).read_text().splitlines()[len(before) :]
    assert before, "no statement was written down: the switch does not work"
    print(f"{seconds} s: {len(statements)} statements, {cpu:.2f} CPU seconds, {cpu / seconds:.2%} of a core")
    for line, number in collections.Counter(statements).most_common():
        print(f"  {number} × {line[:150]}")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
