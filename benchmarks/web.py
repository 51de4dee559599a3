"""The web beside Granian's own processes and gunicorn: the same application, on the same data, in turns (needs wrk).

    python -m benchmarks.web [SECONDS]     six views, three servers, three rounds of 4 s each: five minutes

This project with two web interpreters of two threads; the `granian` command with two WSGI processes and gunicorn with
two processes of two threads. All three run all the time, and wrk asks one of them at a time. gunicorn comes from PyPI
into the user's cache folder. The ratios are medians of those within a round, so that a busy machine matters less.
`benchmarks/web_beside.py` measures this web beside tasks and beside slow clients.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.server import PROJECT, Server, get, running
from benchmarks.throughput import install_requirements, started, wait_until
from benchmarks.wrk import Load, median, wrk

ROUNDS = 3
OURS, GRANIAN, GUNICORN = "this project", "Granian, 2 × 2", "gunicorn, 2 × 2"
UPLOAD = """wrk.method = "POST"
wrk.headers["Content-Type"] = "multipart/form-data; boundary=x"
wrk.body = '--x\\r\\nContent-Disposition: form-data; name="file"; filename="a.bin"\\r\\n\\r\\n' ..
  string.rep("0123456789abcdef", 327680) .. "\\r\\n--x--\\r\\n"
"""


class View(NamedTuple):
    name: str
    path: str
    connections: int = 16
    script: Path | None = None


def views(folder: Path) -> list[View]:
    """What is asked for; `folder` is served as static files."""
    (folder / "large.jpg").write_bytes(os.urandom(2**20))
    script = folder / "upload.lua"
    script.write_text(UPLOAD)
    return [
        View("hello", "/bench/hello"),
        View("one ORM read", "/bench/query"),
        View("2 ms of Python", f"/bench/compute/{additions(0.002)}"),
        View("a page of 100 kB", "/bench/page"),
        View("a static file of 1 MB", "/static/large.jpg"),
        View("an upload of 5 MB", "/bench/upload", 4, script),
    ]


def additions(seconds: float) -> int:
    """How many turns of a loop take so long on this machine."""
    code = "total = 0\nfor number in range(20_000):\n    total += number"
    return int(seconds / min(timeit.repeat(code, number=1, repeat=50)) * 20_000)


@contextlib.contextmanager
def other(server: Server, *command: str) -> Iterator[str]:
    """Another server with the environment of this one; its address. `command` is a module and its arguments."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    python = install_requirements()
    packages = next((python.parent.parent / "lib").glob("python3*")) / "site-packages"
    variables = server.environment | {"PYTHONPATH": f"{server.environment['PYTHONPATH']}:{packages}"}
    words = [word.replace("PORT", port) for word in command]
    log, url = server.data_dir / f"{command[0]}.log", f"http://127.0.0.1:{port}"
    with started([sys.executable, "-m", *words], log, cwd=PROJECT, env=variables) as process:
        wait_until(lambda: answers(url), process, log)
        yield url


def answers(url: str) -> bool:
    try:
        return bool(get(f"{url}/bench/hello"))
    except OSError:
        return False


@contextlib.contextmanager
def servers(static: Path) -> Iterator[dict[str, str]]:
    """All three, by name, with their addresses."""
    granian = "granian --interface wsgi --workers 2 --blocking-threads 2 --no-ws --port PORT config.wsgi:application"
    gunicorn = "gunicorn --workers 2 --threads 2 --bind 127.0.0.1:PORT config.wsgi:application"
    with (
        running(WEB_INTERPRETERS="2", WEB_THREADS="2", BENCHMARK_STATIC=str(static)) as server,
        other(server, *granian.split()) as of_granian,
        other(server, *gunicorn.split()) as of_gunicorn,
    ):
        yield {OURS: server.url, GRANIAN: of_granian, GUNICORN: of_gunicorn}


def measure(view: View, addresses: dict[str, str], seconds: float) -> dict[str, list[Load]]:
    for url in addresses.values():
        wrk(url + view.path, view.connections, 1, view.script)  # warm
    found: dict[str, list[Load]] = {name: [] for name in addresses}
    for number in range(1, ROUNDS + 1):
        for name, url in addresses.items():
            load = wrk(url + view.path, view.connections, seconds, view.script)
            found[name].append(load)
            print(f"  {view.name}, {number}, {name}: {load.rate:,.0f} a second, p99 {load.p99:.1f} ms", flush=True)
    return found


def ratio(ones: list[Load], others: list[Load], field: str) -> float:
    pairs = zip(ones, others, strict=True)
    return statistics.median(getattr(one, field) / getattr(other, field) for one, other in pairs)


def row(view: View, found: dict[str, list[Load]]) -> str:
    cells = [
        f"{load.rate:,.0f} ({load.p50:.1f}, {load.p99:.1f})" for load in (median(rounds) for rounds in found.values())
    ]
    ours = found[OURS]
    cells += [f"{ratio(ours, found[name], 'rate'):.2f}" for name in (GRANIAN, GUNICORN)]
    cells += [f"{ratio(ours, found[name], 'p99'):.2f}" for name in (GRANIAN, GUNICORN)]
    return f"| {' | '.join([view.name, *cells])} |"


def main(seconds: float = 4) -> None:
    began = time.monotonic()
    versions = "import django, granian; print(f'Django {django.__version__}, Granian {granian.__version__}')"
    subprocess.run([sys.executable, "-c", versions], check=True)
    with tempfile.TemporaryDirectory() as folder:
        asked = views(Path(folder))
        with servers(Path(folder)) as addresses:
            found = {view: measure(view, addresses, seconds) for view in asked}
    print(f"\n| requests a second (p50, p99 in ms) | {OURS} | {GRANIAN} | {GUNICORN}", end="")
    print(" | × Granian | × gunicorn | p99 × Granian | p99 × gunicorn |\n|" + " --- |" * 8)
    for view, rounds in found.items():
        print(row(view, rounds))
    print(f"\nmedians of {ROUNDS} rounds of {seconds:g} s; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main(*(float(word) for word in sys.argv[1:]))
