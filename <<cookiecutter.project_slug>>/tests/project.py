"""A copy of the project whose code a test may change while it is served, and clients that ask it all the time."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.server import PATIENCE, PROJECT, Server

PAUSE = 0.01  # seconds between two requests of a client: else the clients take the machine from the server
NOT_COPIED = shutil.ignore_patterns("data", ".venv", ".*_cache", ".hypothesis")


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(PROJECT, folder, ignore=NOT_COPIED)

    def write(self, name: str, text: str) -> None:
        """In one step, as a deployment does it. The text needs another length than the one before: see PEP 3147."""
        new = self.folder / f"{name}.new"
        new.write_text(text)
        new.replace(self.folder / name)

    def append(self, name: str, text: str) -> None:
        self.write(name, (self.folder / name).read_text() + text + "\n")

    def settings(self, text: str) -> None:
        """Add a line to the settings."""
        self.append("tests/site/settings.py", text)

    def version(self, name: str) -> None:
        """New code: its views and tasks say this name."""
        self.write("tests/site/version.py", f'VERSION = "{name}"\n')


class Clients:
    """Threads that ask for a page all the time, each over a connection of its own."""

    def __init__(self, server: Server, path: str, number: int) -> None:
        self.server, self.path = server, path
        self.answers: list[httpx.Response] = []
        self.errors: list[Exception] = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(number)]

    def _ask(self) -> None:
        with httpx.Client(base_url=self.server.url, timeout=PATIENCE) as client:
            while not self.ended.wait(PAUSE):
                try:
                    self.answers.append(client.get(self.path))
                except httpx.HTTPError as error:
                    self.errors.append(error)

    @property
    def failed(self) -> list[Any]:
        return [*self.errors, *(answer for answer in self.answers if answer.status_code != 200)]

    def seen(self, name: str) -> list[Any]:
        """What the answers, in their order, have under this name."""
        return [answer.json()[name] for answer in self.answers if answer.status_code == 200]


@contextlib.contextmanager
def clients(server: Server, path: str = "/test/version", number: int = 3) -> Iterator[Clients]:
    asking = Clients(server, path, number)
    for thread in asking.threads:
        thread.start()
    try:
        yield asking
    finally:
        asking.ended.set()
        for thread in asking.threads:
            thread.join()
