"""kill -9 at random moments under a stream of tasks: is every task accounted for, and every effect there once?

    python -m benchmarks.kill [TIMES [TASKS [SEED]]]

Each task inserts a row with its number, if it is not there yet: an idempotent effect. Every tenth task fails on
purpose. After the last kill the server runs until nothing is left; then the rows are counted.
"""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.server import PROJECT, environment

LIFE = (0.05, 1.5)  # seconds that a server lives after it is ready


def enqueue(variables: dict[str, str], first: int, number: int) -> None:
    code = (
        "from django.tasks import task_backends; from benchmarks.site.tasks import effect;"
        f"task_backends['default'].enqueue_many(effect, [((n,), {{}}) for n in range({first}, {first + number})])"
    )
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code], cwd=PROJECT, env=variables, check=True
    )


def start(variables: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "main.py", "--port", "0"], cwd=PROJECT, env=variables, stderr=log.open("w")
    )
    while "server_ready" not in log.read_text():
        if process.poll() is not None:
            sys.exit(log.read_text())
        time.sleep(0.01)
    return process


def query(data: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3", timeout=30)) as connection:
        return connection.execute(sql).fetchall()


def main(times: int = 100, tasks: int = 2000, seed: int = 0) -> None:
    seed = seed or random.randrange(1, 10**6)
    chance = random.Random(seed)
    print(f"{times} kills, {tasks} tasks, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        data, log = Path(folder), Path(folder) / "server.log"
        variables = environment(data, LOG_FORMAT="text")
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=PROJECT, env=variables, check=True)
        enqueued, per_round = 0, -(-tasks // times)
        for number in range(1, times + 1):
            process = start(variables, log)
            enqueue(variables, enqueued, min(per_round, tasks - enqueued))
            enqueued += min(per_round, tasks - enqueued)
            time.sleep(chance.uniform(*LIFE))
            process.kill()
            process.wait()
            if number % 10 == 0:
                print(f"  {number} kills, {enqueued} tasks enqueued", flush=True)
        process = start(variables, log)
        while query(data, "SELECT count(*) FROM tasks_taskrecord WHERE status IN ('READY', 'RUNNING')")[0][0]:
            time.sleep(0.1)
        process.terminate()
        print(f"exit code of the last server: {process.wait()}")
        report(data, tasks)


def report(data: Path, tasks: int) -> None:
    for status, error, number in query(
        data,
        "SELECT status, json_extract(history, '$[#-1].type'), count(*) FROM tasks_taskrecord GROUP BY 1, 2",
    ):
        print(f"{status} {error or ''}: {number}")
    print("deaths:", query(data, "SELECT deaths, count(*) FROM tasks_taskrecord GROUP BY 1"))
    total, distinct = query(data, "SELECT count(*), count(DISTINCT number) FROM site_effect")[0]
    print(f"effects: {total}, of different tasks: {distinct}, tasks: {tasks}")
    print("integrity:", query(data, "PRAGMA integrity_check")[0][0])
    assert total == distinct == tasks, "an effect is missing or doubled"
    assert os.path.exists(data / "db.sqlite3")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
