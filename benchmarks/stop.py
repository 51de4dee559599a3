"""SIGTERM under load, again and again: is every accepted request answered, and every task accounted for?

    python -m benchmarks.stop [TIMES [SEED]]

Eight clients enqueue tasks without pause, four over one connection each and four over a new one for each request; at
some moment comes SIGTERM. A request whose task is in the table was accepted: its client must have got the answer. What
was connected, and not accepted, is told apart. The server on the same data that comes next runs what was left; at the
end each task that was accepted has run once.
"""

import http.client
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.server import PROJECT, _wait_for_address, environment

CLIENTS = 8
BUDGET = 10  # seconds


@dataclass
class World:
    folder: Path
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    answered: set[int] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)  # of requests
    exits: Counter[int] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)  # seconds from the signal to the exit

    def start(self) -> None:
        variables = environment(self.folder, BENCHMARK_SOAK="1", SHUTDOWN_TIMEOUT=str(BUDGET))
        log = self.folder / "server.log"
        command = [sys.executable, "main.py", "--port", "0"]
        self.process = subprocess.Popen(command, cwd=PROJECT, env=variables, stderr=log.open("w"))
        self.port = int(_wait_for_address(log, self.process).rpartition(":")[2])

    def stop(self) -> None:
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.exits[self.process.wait(5 * BUDGET)] += 1
        self.took.append(time.monotonic() - started)

    def query(self, sql: str) -> list[tuple[int, ...]]:
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as connection:
            return connection.execute(sql).fetchall()


def ask(world: World, keeps: bool) -> None:
    """Until the server is gone."""
    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=5 * BUDGET)
    while True:
        number = next(world.numbers)
        try:
            if connection.sock is None:
                connection.connect()
        except OSError:
            return
        try:
            connection.request("GET", f"/bench/soak/mark/{number}")
            answer = connection.getresponse()
            answer.read()
            world.ends[str(answer.status)] += 1
            if answer.status == 202:
                world.answered.add(number)
        except OSError, http.client.HTTPException:
            world.ends["kept connection closed" if keeps else "new connection not accepted"] += 1
            connection.close()
        if not keeps:
            connection.close()


def stop_once(world: World, after: float) -> None:
    world.start()
    clients = [threading.Thread(target=ask, args=(world, number % 2 == 0)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(after)
    world.stop()
    for client in clients:
        client.join()


def finish(world: World) -> None:
    """Run what is left."""
    world.start()
    while world.query("SELECT count(*) FROM tasks_taskrecord WHERE finished_at IS NULL")[0][0]:
        time.sleep(0.1)
    world.stop()


def report(world: World) -> int:
    arguments = world.query("SELECT json_extract(arguments, '$.args[0]') FROM tasks_taskrecord")
    accepted = {int(number) for (number,) in arguments}
    runs = dict(world.query("SELECT number, count(*) FROM site_run GROUP BY 1"))
    unanswered, lost = accepted - world.answered, world.answered - accepted
    wrong = [number for number in accepted if runs.get(number) != 1]
    deaths = world.query("SELECT sum(deaths) FROM tasks_taskrecord")[0][0]
    print(f"requests: {dict(world.ends)}; accepted and not answered: {len(unanswered)}")
    print(f"tasks: {len(accepted)} accepted, {len(lost)} lost, {len(wrong)} not run exactly once, {deaths} deaths")
    print(f"exits: {dict(world.exits)}, after {min(world.took):.2f} to {max(world.took):.2f} s (budget {BUDGET})")
    bad = unanswered or lost or wrong or deaths or set(world.exits) != {0} or max(world.took) > BUDGET
    return 1 if bad else 0


def main(times: str = "20", seed: str = "0") -> None:
    number = int(seed) or random.randrange(1, 10**6)
    chance = random.Random(number)
    print(f"{times} times, seed {number}, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for _ in range(int(times)):
            stop_once(world, chance.uniform(0.5, 2.0))
        finish(world)
        sys.exit(report(world))


if __name__ == "__main__":
    main(*sys.argv[1:])
