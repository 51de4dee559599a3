"""Which node of DATA_DIR this process is, and the lock on it.

One DATA_DIR with SQLite serves one process. With PostgreSQL, processes may share the folder (media must be shared):
each takes the first free of server-1, server-2, … The kernel releases the lock however the process ends.
"""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any

NODES = 64  # processes that may share a DATA_DIR with PostgreSQL


class AlreadyServed(Exception):
    """Another process serves this folder."""


class Node:
    """The place of this process in DATA_DIR. Its `id` stays over restarts, so it finds what it held before."""

    def __init__(self, folder: Path, number: int) -> None:
        self.path = folder / f"server-{number}.json"
        self.socket_path = folder / f"server-{number}.sock"
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.descriptor)
            pid = read(self.path).get("pid", "?")
            raise AlreadyServed(
                f"DATA_DIR={folder}: process {pid} serves it already. Stop that one, or set another DATA_DIR."
            ) from None
        self.id: str = read(self.path).get("node") or secrets.token_hex(4)
        self.write()

    def write(self, **content: object) -> None:
        """Say where the server is found: `main.py status` reads it."""
        text = json.dumps({"node": self.id, "pid": os.getpid()} | content)
        os.pwrite(self.descriptor, text.encode(), 0)  # over the old text: a full disk then takes nothing away
        os.ftruncate(self.descriptor, len(text.encode()))


def take_node(folder: Path, shared: bool) -> Node:
    """The first free node of the folder. Raises AlreadyServed with the process id of the one that holds it."""
    for number in range(1, NODES if shared else 1):
        try:
            return Node(folder, number)
        except AlreadyServed:
            continue
    return Node(folder, NODES if shared else 1)


def running_nodes(folder: Path) -> list[dict[str, Any]]:
    """What the processes that serve the folder have written: {"node", "pid", "address"}."""
    return [content for path in sorted(folder.glob("server-*.json")) if _is_locked(path) and (content := read(path))]


def read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except OSError, ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
