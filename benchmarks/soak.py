"""A soak in miniature: mixed load, a fault every five seconds, new code every thirty; then everything is accounted for.

    python -m benchmarks.soak [MINUTES [SEED [FAULT …]]]    5 minutes; without faults named here: all of them
    python -m benchmarks.soak 5 0 survived                  those that the process survives: is the memory level?

Four clients ask for pages, one enqueues tasks: marks in the database, images, PDFs, exports. Each request has to
be answered well, but where a fault opens a window (benchmarks/faults.py) for other statuses. At the end the server is
left alone until no task waits, and then: every task that was accepted is in the table and ended as its kind has to, no
task has run to its end more often than it was begun anew, no process ended in a way that was not asked for, and the
memory is level.
"""

import collections
import http.client
import io
import json
import random
import resource
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image

from benchmarks.documents import pdf
from benchmarks.faults import FAULTS, SURVIVED
from benchmarks.server import PROJECT, environment

FAULT_EVERY, RELOAD_EVERY = 5.0, 30.0  # seconds
PAUSE = 0.05  # seconds between two requests of a client
DRAIN = 300.0  # seconds that the last tasks have: those that kill the process go first, one at a time
FIRST_MINUTE = 60.0  # seconds
LEVEL = 1.15  # the memory at the end over that after the first minute
PAGES = ("/bench/hello", "/bench/query", "/", "/healthz", "/metrics")


@dataclass
class Window:
    """From when to when requests may have these statuses; 0 is a connection that broke."""

    start: float
    statuses: set[int]
    end: float = float("inf")


@dataclass
class Request:
    start: float
    end: float
    what: str
    status: int


@dataclass
class World:
    """The server, started again whenever it has ended, and all that is known of what was asked of it."""

    folder: Path
    chance: random.Random
    requests: list[Request] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)  # task → its kind
    problems: list[str] = field(default_factory=list)
    exits: list[int] = field(default_factory=list)
    memory: list[tuple[float, int, float]] = field(default_factory=list)  # time, bytes, abandoned interpreters
    number: int = 0  # of the last mark
    marks: dict[str, int] = field(default_factory=dict)  # task → number
    expected_deaths: int = 0  # of the process, by SIGKILL
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.log = self.folder / "server.log"
        self.start()

    # The process

    def start(self) -> None:
        variables = environment(self.folder, BENCHMARK_SOAK="1", LOG_FORMAT="json", SHUTDOWN_TIMEOUT="10")
        position = self.log.stat().st_size if self.log.exists() else 0
        command = [sys.executable, "main.py", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=PROJECT, env=variables, stderr=self.log.open("a"))
        while '"server_ready"' not in self.text(position) and self.process.poll() is None:
            time.sleep(0.01)

    def text(self, position: int = 0) -> str:
        with self.log.open() as log:
            log.seek(position)
            return log.read()

    def look_after(self) -> None:
        """Start the process again when it has ended; what clients see meanwhile is allowed."""
        while not self.ended.wait(0.01):
            if (code := self.process.poll()) is not None:
                self._judge_exit(code)
                self.start()
                if self.process.poll() is None:
                    self.close_all()

    def _judge_exit(self, code: int) -> None:
        self.exits.append(code)
        killed = code == -signal.SIGKILL and self.expected_deaths > 0
        self.expected_deaths -= killed
        if code == 75:  # it has drained after the fifth abandoned interpreter
            self.open(0, 503).start = self._time_of("stopping")
        elif killed:
            self.open(0)
        else:
            self.problems.append(f"the process ended with {code}")

    def _time_of(self, action: str) -> float:
        """When the last event of this name was logged."""
        lines = [line for line in self.text().splitlines() if f'"action": "{action}"' in line]
        return datetime.fromisoformat(json.loads(lines[-1])["time"]).timestamp() if lines else time.time()

    def open(self, *statuses: int) -> Window:
        window = Window(time.time(), set(statuses))
        self.windows.append(window)
        return window

    def close_all(self) -> None:
        for each in self.windows:
            each.end = min(each.end, time.time() + 0.5)

    # Requests

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """One request over a connection of its own; status 0 where it broke."""
        started, status, content = time.time(), 0, b""
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                status = answer.status
        except OSError, http.client.HTTPException:
            pass
        self.requests.append(Request(started, time.time(), f"{method} {path}", status))
        return status, content

    def enqueue(self, name: str, argument: object, kind: str = "") -> str:
        status, content = self.ask("GET", f"/bench/soak/{name}/{argument}")
        return self.accept(status, content, kind or name)

    def accept(self, status: int, content: bytes, kind: str) -> str:
        if status != 202:
            return ""
        task = str(json.loads(content)["id"])
        self.accepted[task] = kind
        return task

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def sample_memory(self) -> None:
        status, content = self.ask("GET", "/metrics")
        if status == 200:
            values = dict(line.rsplit(" ", 1) for line in content.decode().splitlines() if not line.startswith("#"))
            resident, abandoned = (float(values[n]) for n in ("process_resident_memory_bytes", "interpreter_abandoned"))
            self.memory.append((time.time(), int(resident), abandoned))


# The load


def browse(world: World, seed: int) -> None:
    chance = random.Random(seed)
    while not world.ended.wait(PAUSE):
        tasks = list(world.accepted)[-50:]
        path = chance.choice([*PAGES, f"/api/tasks/{chance.choice(tasks)}/"] if tasks else PAGES)
        world.ask("GET", path)


def work(world: World, seed: int) -> None:
    """Enqueue something of each kind."""
    chance, files = random.Random(seed), uploads()
    while not world.ended.wait(chance.uniform(0, 0.2)):
        kind = chance.choices(["mark", "mark_once", "images", "documents", "exports"], [10, 5, 1, 1, 1])[0]
        if kind in ("mark", "mark_once"):
            world.number += 1
            if task := world.enqueue(kind, world.number):
                world.marks[task] = world.number
        elif kind == "exports":
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            world.accept(*world.ask("POST", "/api/exports/", b"rows=200", **form), kind)
        else:
            content = {"Content-Type": "multipart/form-data; boundary=x"}
            world.accept(*world.ask("POST", f"/api/{kind}/", files[kind], **content), kind)


def uploads() -> dict[str, bytes]:
    """Bodies with a real file."""
    picture = io.BytesIO()
    Image.effect_noise((1200, 900), 50).convert("RGB").save(picture, "JPEG")
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return {"images": head + picture.getvalue() + b"\r\n--x--\r\n", "documents": head + pdf(10) + b"\r\n--x--\r\n"}


def inject(world: World, until: float, names: list[str]) -> collections.Counter[str]:
    """A fault every five seconds, a reload every thirty."""
    counts: collections.Counter[str] = collections.Counter()
    started = next_report = time.time()
    next_reload = started + RELOAD_EVERY
    while (now := time.time()) < until:
        name = world.chance.choice(names)
        counts[name] += 1
        FAULTS[name](world)
        if time.time() > next_reload and world.process.poll() is None:
            next_reload += RELOAD_EVERY
            counts["SIGHUP"] += 1
            world.process.send_signal(signal.SIGHUP)
        world.sample_memory()
        if now > next_report:
            next_report += 30
            resident = world.memory[-1][1] / 2**20 if world.memory else 0
            print(f"  {now - started:4.0f} s, {len(world.requests)} requests, {len(world.accepted)} tasks, "
                  f"{resident:.0f} MB, {len(world.problems)} problems", flush=True)  # fmt: skip
        time.sleep(max(0.0, FAULT_EVERY - (time.time() - now)))
    return counts


# The end


def drain(world: World) -> None:
    """Until no task waits or runs."""
    end = time.time() + DRAIN
    while world.query("SELECT count(*) FROM tasks_taskrecord WHERE status IN ('READY', 'RUNNING')")[0][0]:
        if time.time() > end:
            left = world.query("SELECT task, status, claim, deaths FROM tasks_taskrecord WHERE finished_at IS NULL")
            return world.problems.append(f"tasks that never ended: {left[:5]} ({len(left)})")
        time.sleep(0.2)


def judge_requests(world: World) -> None:
    wrong: collections.Counter[str] = collections.Counter()
    for request in world.requests:
        allowed = {200, 202} | {
            status
            for window in world.windows
            if window.start - 0.5 <= request.end and request.start <= window.end
            for status in window.statuses
        }
        if "/bench/endless" in request.what:
            allowed |= {504}
        if "/bench/leave" in request.what:
            allowed |= {500, 504}  # 504 where the interpreter has another request to finish
        if request.status not in allowed:
            wrong[f"{request.status} for {request.what.split('/api/tasks')[0]} at {request.start:.1f}"] += 1
    world.problems += [f"answered with {what}" for what in wrong]


def judge_tasks(world: World) -> None:
    rows = {
        str(UUID(task)): (status, error or "", deaths)
        for task, status, error, deaths in world.query(
            "SELECT id, status, json_extract(history, '$[#-1].type'), deaths FROM tasks_taskrecord"
        )
    }
    for task, kind in world.accepted.items():
        if task not in rows:
            world.problems.append(f"the task {task} ({kind}) is lost")
            continue
        status, error, deaths = rows[task]
        if not ended_well(kind, status, error.rpartition(".")[2], deaths):
            world.problems.append(f"{kind} {task}: {status} {error}, {deaths} deaths")
    runs = dict(world.query("SELECT number, count(*) FROM site_run GROUP BY 1"))
    for task, number in world.marks.items():
        status, _, deaths = rows.get(task, ("", "", 0))
        times = runs.get(number, 0)
        if (
            times > 1 + deaths
            or (status == "SUCCESSFUL" and not times)
            or (times > 1 and world.accepted[task] == "mark_once")
        ):
            world.problems.append(f"{world.accepted[task]} {task} came to its end {times} times, with {deaths} deaths")


def ended_well(kind: str, status: str, error: str, deaths: int) -> bool:
    given_up = status == "FAILED" and error == "WorkerLost" and (deaths >= 3 or kind == "mark_once")
    if kind in ("KeyError", "SystemExit", "MemoryError", "RecursionError", "TaskTimeout"):
        return (status == "FAILED" and error == kind) or given_up
    if kind == "kill_the_process":
        return given_up
    return status == "SUCCESSFUL" or given_up


def judge_memory(world: World, started: float) -> None:
    """Whether it is level: at the end over after a minute. Of one process, and with nothing in it stuck for good."""
    looks = [(at - started, resident / 2**20) for at, resident, _ in world.memory]
    early = [resident for at, resident in looks if 0.75 * FIRST_MINUTE <= at <= 1.25 * FIRST_MINUTE]
    if world.exits or not early or any(abandoned for _, _, abandoned in world.memory):
        return print("memory: not judged; the process was started again, or interpreters are stuck in it")
    first, last = statistics.median(early), statistics.median(resident for _, resident in looks[-5:])
    print(f"memory: {first:.0f} MB after a minute, {last:.0f} MB at the end ({last / first - 1:+.0%})")
    if last > LEVEL * first:
        world.problems.append(f"the memory has grown by {last / first - 1:.0%}")


def soak(minutes: float, seed: int, names: list[str], folder: Path) -> list[str]:
    world = World(folder, random.Random(seed))
    started = time.time()
    threads = [threading.Thread(target=browse, args=(world, seed + number)) for number in range(4)]
    threads += [threading.Thread(target=work, args=(world, seed)), threading.Thread(target=world.look_after)]
    for thread in threads:
        thread.start()
    try:
        counts = inject(world, started + 60 * minutes, names)
        drain(world)
        world.sample_memory()
    finally:
        world.ended.set()
        for thread in threads:
            thread.join()
        drain(world)
        world.process.terminate()
        code = world.process.wait(60)
    if code:
        world.problems.append(f"the last process left with {code}")
    report(world, counts, started)
    return world.problems


def report(world: World, counts: collections.Counter[str], started: float) -> None:
    judge_requests(world)
    judge_tasks(world)
    judge_memory(world, started)
    statuses = collections.Counter(request.status for request in world.requests)
    print(f"requests: {dict(statuses)}; exits: {world.exits}")
    rows = world.query("SELECT status, count(*) FROM tasks_taskrecord GROUP BY 1")
    print(f"tasks: {len(world.accepted)} accepted; {dict(rows)}")
    print(f"faults: {dict(counts)}")
    for problem in world.problems[:30]:
        print(f"PROBLEM: {problem}")


def main(minutes: str = "5", seed: str = "0", *names: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    number = int(seed) or random.randrange(1, 10**6)
    print(f"{minutes} minutes, seed {number}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        problems = soak(
            float(minutes), number, SURVIVED if names == ("survived",) else list(names) or list(FAULTS), Path(folder)
        )
        if problems:
            log = Path(tempfile.gettempdir()) / f"soak-{number}.log"
            log.write_bytes((Path(folder) / "server.log").read_bytes())
            sys.exit(f"{len(problems)} problems; the server's log is {log}")


if __name__ == "__main__":
    main(*sys.argv[1:])
