"""What a large upload takes of the server's memory: `python -m benchmarks.upload [MEGABYTES]` (needs curl).

1,024 MB to a view that reads and discards them, once with a Content-Length and once chunked; the resident memory of the
server before, and at most meanwhile, looked at a hundred times a second.
"""

import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import get, running

MEGABYTE = 2**20


def resident(pid: int) -> float:
    """Megabytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """What the process takes: [before, at most so far]."""
    seen, over = [resident(pid)] * 2, threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            seen[1] = max(seen[1], resident(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def send(url: str, file: Path, *, chunked: bool) -> str:
    header = ["-H", "Transfer-Encoding: chunked"] if chunked else []
    command = [
        "curl",
        "-s",
        "-X",
        "POST",
        *header,
        "-w",
        " bytes read, status %{http_code}, %{time_total} s",
        "-T",
        file,
        url,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main(megabytes: int = 1024) -> None:
    with tempfile.TemporaryDirectory() as folder, running(MAX_REQUEST_BODY="2G") as server:
        file = Path(folder) / "large"
        with file.open("wb") as empty:
            empty.truncate(megabytes * MEGABYTE)
        for _ in range(200):  # all that a request needs is loaded
            get(server.url + "/bench/hello")
        for chunked in (False, True):
            with watched(server.process.pid) as seen:
                answer = send(server.url + "/bench/discard", file, chunked=chunked)
            kind = "chunked" if chunked else "with a Content-Length"
            print(f"{kind}: {answer}; {seen[0]:.0f} MB before, {seen[1] - seen[0]:.1f} MB more at most", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
