"""A real server for tests: `python main.py` in a process of its own, on a free port and its own data."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

PROJECT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds for what takes well under one on an idle machine

type Event = dict[str, Any]


class Server:
    """The process, its log events and a client for it."""

    known: ClassVar[list[Server]] = []  # those of the test that runs, and those that several tests share

    def __init__(
        self, data_dir: Path, *arguments: str, project: Path = PROJECT, within: Sequence[str] = (), **variables: str
    ) -> None:
        self.data_dir = data_dir
        self.environment = environment(data_dir, **variables)
        self.events: list[Event] = []
        self.log: list[str] = []
        self.changed = threading.Condition()
        command = [*within, sys.executable, "main.py", "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command, cwd=project, env=self.environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.known.append(self)

    def wait_for(self, action: str, **fields: Any) -> Event:
        """The first event of this name with these fields, once it is in the log."""
        with self.changed:
            found = self.changed.wait_for(lambda: self._find(action, fields) or self._ended(), PATIENCE)
        event = self._find(action, fields)
        assert event, f"no event {action} {fields} (waited: {found})\n{self.text}"
        return event

    def count(self, action: str, **fields: Any) -> int:
        """How many events of this name with these fields there have been."""
        with self.changed:
            return sum(({"action": action} | fields).items() <= event.items() for event in self.events)

    def events_of(self, *actions: str) -> list[Event]:
        """The events of these names, in their order."""
        with self.changed:
            return [event for event in self.events if event.get("action") in actions]

    def wait_for_text(self, text: str) -> None:
        """Return once the log has a line with this text."""
        with self.changed:
            self.changed.wait_for(lambda: any(text in line for line in self.log) or self._ended(), PATIENCE)
        assert text in self.text, f"no {text!r} in the log\n{self.text}"

    def wait_until_ready(self) -> Server:
        self.url = self.wait_for("server_ready")["address"]
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE)
        return self

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Ask again and again, for what no event tells."""
        for _ in range(PATIENCE * 50):
            if condition():
                return
            threading.Event().wait(0.02)
        raise AssertionError(f"it never came\n{self.text}")

    def wait_for_task(self, task_id: str, *statuses: str) -> dict[str, Any]:
        """The task's state as the API shows it, once it has one of the statuses."""
        state: dict[str, Any] = {}
        for _ in range(PATIENCE * 50):
            state = self.client.get(f"/api/tasks/{task_id}/").json()
            if state["status"] in (statuses or ("SUCCESSFUL", "FAILED")):
                return state
            threading.Event().wait(0.02)
        raise AssertionError(f"{state}\n{self.text}")

    def enqueue(self, task: str, *arguments: Any, **options: Any) -> str:
        """Enqueue a task of tests/site/tasks.py through a request; its id."""
        body = {"task": task, "arguments": list(arguments), "options": options}
        answer = self.client.post("/test/enqueue", json=body)
        assert answer.status_code == 200, answer.text + self.text
        return str(answer.json()["id"])

    def metric(self, name: str, /, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sum(sample.value for sample in self.samples(name) if labels.items() <= sample.labels.items())

    def samples(self, name: str) -> list[Any]:
        """The samples of a metric: `labels` and `value`."""
        families = text_string_to_metric_families(self.client.get("/metrics").text)
        return [sample for family in families for sample in family.samples if sample.name == name]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_exit(self) -> int:
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code

    def stop(self) -> int:
        self.send(signal.SIGTERM)
        return self.wait_exit()

    @property
    def text(self) -> str:
        return "".join(self.log)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.changed:
                self.log.append(line)
                with contextlib.suppress(ValueError):
                    self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.process.stderr.close()
            self.changed.notify_all()

    def _find(self, action: str, fields: dict[str, Any]) -> Event | None:
        wanted = {"action": action} | fields
        return next((event for event in self.events if wanted.items() <= event.items()), None)

    def _ended(self) -> bool:
        return self.process.stderr is None or self.process.stderr.closed


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """The environment of a server: this one's, without what would change how it runs."""
    ours = {"PYTHONDONTWRITEBYTECODE", "SECRET_KEY", "DATABASE_URL"}
    base = {name: value for name, value in os.environ.items() if name not in ours}
    site = {"DJANGO_SETTINGS_MODULE": "tests.site.settings", "DEBUG": "1", "LOG_FORMAT": "json"}
    return base | site | {"DATA_DIR": str(data_dir)} | variables


@contextlib.contextmanager
def running(
    data_dir: Path, *arguments: str, project: Path = PROJECT, within: Sequence[str] = (), **variables: str
) -> Iterator[Server]:
    """A server that is ready, and is ended with the block whatever happened to it.

    `within` is a command that runs it (disk.py).
    """
    server = Server(data_dir, *arguments, project=project, within=within, **variables)
    try:
        yield server.wait_until_ready()
    finally:
        end(server)


def end(server: Server) -> None:
    if server.process.poll() is None:
        server.process.kill()
    server.wait_exit()
    if hasattr(server, "client"):
        server.client.close()


def run_main(
    data_dir: Path, *arguments: str, within: Sequence[str] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run main.py to its end."""
    return subprocess.run(
        [*within, sys.executable, "main.py", *arguments], cwd=PROJECT, env=environment(data_dir, **variables),
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip


def manage(data_dir: Path, *arguments: str, **variables: str) -> str:
    """Run manage.py beside the server, or without one; what it has printed."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=PROJECT, env=environment(data_dir, **variables),
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    ).stdout  # fmt: skip
