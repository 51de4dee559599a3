"""No-op tasks a second, two workers, enqueued before the workers start: this project beside Huey and Celery with Redis.

    python -m benchmarks.throughput [TASKS [ROUNDS]]     needs redis-server; 10,000 tasks, 3 rounds: about 5 minutes

Every round runs all of them, one after the other, so that all see the same machine. Huey and Celery come from PyPI into
a virtual environment in the user's cache folder; Redis is started on a free port, without persistence. Measured from
the start of the first task to the end of the last. Prints the medians, and each as a multiple of both rivals at their
fastest: without results, which is also what Huey does by default for a task that returns None.
"""

import contextlib
import os
import platform
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.server import PROJECT, ROOT, environment

WORKERS = 2
LONGEST = 300  # seconds that one measurement may take
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "single-server-django" / "benchmarks"


def of_the_project(tasks: int, synchronous: str) -> float:
    """Tasks a second of this project on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        data, log = Path(folder), Path(folder) / "server.log"
        variables = environment(data, SQLITE_SYNCHRONOUS=synchronous, BENCHMARK_WORKERS=str(WORKERS))
        manage(variables, "migrate")
        code = (
            "from django.tasks import task_backends; from benchmarks.site.tasks import nothing;"
            f"task_backends['default'].enqueue_many(nothing, [((), {{}})] * {tasks})"
        )
        manage(variables, "shell", "-c", code)
        command = [sys.executable, "main.py", "--port", "0"]
        with started(command, log, cwd=PROJECT, env=variables) as process:
            finished = "SELECT count(*) FROM tasks_taskrecord WHERE finished_at IS NOT NULL"
            wait_until(lambda: query(data, finished)[0] == tasks, process, log)
        assert query(data, "SELECT count(*) FROM tasks_taskrecord WHERE status = 'SUCCESSFUL'")[0] == tasks
        days = query(data, "SELECT julianday(max(finished_at)) - julianday(min(started_at)) FROM tasks_taskrecord")[0]
        return tasks / (days * 86400)


def of_another(app: str, command: list[str], tasks: int, results: bool) -> float:
    """Tasks a second of the worker that `command` starts."""
    with tempfile.TemporaryDirectory() as folder, redis(Path(folder) / "redis.log") as url:
        marks, log = Path(folder) / "marks", Path(folder) / "worker.log"
        marks.mkdir()
        variables = os.environ | {"PYTHONPATH": str(ROOT), "BENCHMARK_REDIS": url, "BENCHMARK_MARKS": str(marks)}
        variables["BENCHMARK_RESULTS"] = str(int(results))
        python = CACHE / "bin" / "python"
        code = f"from benchmarks.others.{app} import enqueue; enqueue({tasks})"
        subprocess.run([python, "-c", code], cwd=folder, env=variables, check=True)
        with started(command, log, cwd=folder, env=variables) as process:
            wait_until(lambda: len(list(marks.iterdir())) == 2, process, log)
        first, last = sorted(int(path.name) for path in marks.iterdir())
        return tasks / ((last - first) / 1e9)


def huey(tasks: int, results: bool) -> float:
    command = [str(CACHE / "bin" / "huey_consumer"), "benchmarks.others.huey_app.huey", "-k", "process", "-q"]
    return of_another("huey_app", [*command, "-w", str(WORKERS)], tasks, results)


def celery(tasks: int, results: bool) -> float:
    command = [str(CACHE / "bin" / "celery"), "-A", "benchmarks.others.celery_app", "worker", "--pool", "prefork"]
    return of_another("celery_app", [*command, "--concurrency", str(WORKERS)], tasks, results)


@contextlib.contextmanager
def started(command: list[str], log: Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + LONGEST
    while not done():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"It did not come to its end:\n{log.read_text()}")
        time.sleep(0.1)


@contextlib.contextmanager
def redis(log: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with started([*command, "--dir", str(log.parent)], log) as process:
        wait_until(lambda: "Ready to accept connections" in log.read_text(), process, log)
        yield f"redis://127.0.0.1:{port}/0"


def manage(variables: dict[str, str], *words: str) -> None:
    subprocess.run([sys.executable, "manage.py", *words, "-v", "0"], cwd=PROJECT, env=variables, check=True)


def query(data: Path, sql: str) -> tuple[float, ...]:
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3", timeout=30)) as connection:
        return tuple(connection.execute(sql).fetchone())


def install_others() -> None:
    """Huey and Celery into the cache folder, and which versions they are."""
    if shutil.which("redis-server") is None:
        sys.exit("redis-server is missing: apt install redis-server")
    python = install_requirements()
    versions = "from importlib.metadata import version as v; print(*(f'{n} {v(n)}' for n in ('huey','celery','redis')))"
    subprocess.run([python, "-c", versions], check=True)
    subprocess.run(["redis-server", "--version"], check=True)
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}", flush=True)


def install_requirements() -> Path:
    """What this project is measured against, into the cache folder; quick where it is there already. Its Python."""
    uv = subprocess.run([ROOT / "scripts" / "find-uv"], capture_output=True, text=True, check=True).stdout.strip()
    python = CACHE / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, CACHE], check=True)
    requirements = ROOT / "benchmarks" / "others" / "requirements.txt"
    subprocess.run([uv, "pip", "install", "-q", "--python", python, "-r", requirements], check=True)
    return python


def main(tasks: int = 10_000, rounds: int = 3) -> None:
    install_others()
    kinds: dict[str, Callable[[], float]] = {
        "this project, SQLite, synchronous=normal": lambda: of_the_project(tasks, "normal"),
        "this project, SQLite, synchronous=full": lambda: of_the_project(tasks, "full"),
        "Huey with Redis, no results": lambda: huey(tasks, results=False),
        "Huey with Redis, results": lambda: huey(tasks, results=True),
        "Celery with Redis, no results": lambda: celery(tasks, results=False),
        "Celery with Redis, results": lambda: celery(tasks, results=True),
    }
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(1, rounds + 1):
        for name, measure in kinds.items():
            found[name].append(measure())
            print(f"  round {number}: {name}: {found[name][-1]:,.0f}", flush=True)
    medians = {name: statistics.median(values) for name, values in found.items()}
    of_huey, of_celery = medians["Huey with Redis, no results"], medians["Celery with Redis, no results"]
    print(f"\n| {tasks:,} no-op tasks, {WORKERS} workers | tasks/s | × Huey, no results | × Celery, no results |")
    print("| --- | --- | --- | --- |")
    for name, rate in medians.items():
        print(f"| {name} | {rate:,.0f} | {rate / of_huey:.2f} | {rate / of_celery:.2f} |")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
