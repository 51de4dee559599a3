"""Disks for tests of the server: a small one of its own, and any one that takes nothing more."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server

NAMESPACE = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
MOUNT = ["unshare", *NAMESPACE, "sh", "-c", 'mount -t tmpfs -o "$0" none "$1" && shift && exec "$@"']


def small_disk(folder: Path, size: str, options: str = "rw") -> list[str]:
    """A command that runs another one for which, alone, `folder` is a disk of this size.

    For root, and for others where the kernel gives them namespaces of their own; elsewhere the test is skipped.
    """
    folder.mkdir(exist_ok=True)
    if not may_mount(folder):
        pytest.skip("nothing may be mounted here, not in a namespace of one's own either")
    return [*MOUNT, f"size={size},{options}", str(folder)]


def may_mount(folder: Path) -> bool:
    return subprocess.run([*MOUNT, "size=4k", folder, "true"], capture_output=True, check=False).returncode == 0


def seen_by(server: Server, path: Path) -> Path:
    """The path of a file on a disk that only the server sees."""
    return Path(f"/proc/{server.process.pid}/root{path}")


@contextlib.contextmanager
def full(server: Server, room: int = 0) -> Iterator[None]:
    """Nothing fits on the server's small disk any more, but for so many bytes."""
    filling = seen_by(server, server.data_dir / "filling")
    with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    if room:
        os.truncate(filling, max(0, filling.stat().st_size - room))
    try:
        yield
    finally:
        filling.unlink()


@contextlib.contextmanager
def refusing(server: Server) -> Iterator[None]:
    """No file takes a byte of the server, as when the system has made a disk with errors read-only."""
    usual = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, usual)
