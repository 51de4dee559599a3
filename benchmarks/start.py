"""How long the server takes to start: `python -m benchmarks.start [TIMES]`. The data exists, bytecode is compiled."""

import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.server import PROJECT, environment

PORT = 8741


def seconds_until(path: str, started: float) -> float:
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=30):
                return time.perf_counter() - started
        except urllib.error.URLError, ConnectionError:
            time.sleep(0.002)


def main(times: int = 5) -> None:
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(Path(folder), DEBUG="1", DJANGO_SETTINGS_MODULE="config.settings")
        for number in range(times + 1):
            started = time.perf_counter()
            command = [sys.executable, "main.py", "--port", str(PORT)]
            process = subprocess.Popen(command, cwd=PROJECT, env=variables, stderr=subprocess.DEVNULL)
            try:
                found = [seconds_until(path, started) for path in ("/healthz", "/", "/readyz")]
            finally:
                process.terminate()
                process.wait()
            if number:  # the first one makes the database
                rounds.append(found)
    for name, column in zip(("/healthz", "first page", "ready"), zip(*rounds, strict=True), strict=True):
        print(f"{name:<12} {statistics.median(column):.2f} s  ({min(column):.2f} to {max(column):.2f})")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
