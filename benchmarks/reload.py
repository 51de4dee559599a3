"""New code ten times under load: how many requests fail? (needs wrk)

    python -m benchmarks.reload [TIMES [SECONDS]]

`wrk -t1 -c8` asks for a view with one query, for SECONDS (60). Each SIGHUP is sent when the one before has been carried
out, with 1 s of canary each.
"""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.server import Server, get, running


def reload(server: Server, log: Path) -> float:
    """Seconds that it took."""
    before, started = ended(log), time.monotonic()
    server.process.send_signal(signal.SIGHUP)
    while ended(log) == before:
        time.sleep(0.01)
    return time.monotonic() - started


def ended(log: Path) -> int:
    return len(re.findall(r": reloaded ", log.read_text()))


def main(times: int = 10, seconds: int = 60) -> None:
    with running(BENCHMARK_SOAK="1") as server:
        log = server.data_dir / "server.log"
        get(f"{server.url}/bench/query")
        command = ["wrk", "-t1", "-c8", f"-d{seconds}", "--latency", f"{server.url}/bench/query"]
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        took = [reload(server, log) for _ in range(times)]
        still = wrk.poll() is None
        text = wrk.communicate()[0]
        print(text)
        print(f"{times} reloads, {min(took):.1f} to {max(took):.1f} s each, {'all' if still else 'NOT ALL'} under load")
        print(f"failed: {log.read_text().count('reload_failed')} reloads")
        bad = re.findall(r"Non-2xx.*|Socket errors.*", text)
        sys.exit("; ".join(bad) if bad else 0)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
