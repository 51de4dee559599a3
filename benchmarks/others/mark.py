"""How a task tells the benchmark when it ran: a file, named by the time. Only the first and the last task do it."""

import os
import time
from pathlib import Path


def mark() -> None:
    Path(os.environ["BENCHMARK_MARKS"], str(time.time_ns())).touch()
