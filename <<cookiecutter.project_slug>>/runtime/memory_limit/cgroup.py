"""How much memory the container may take, from the files of its control group (version 2, or 1)."""

from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")  # "0::/system.slice/shop.service", or with version 1 "4:memory:/docker/5f…"
NO_LIMIT = 2**60  # version 1 writes a number about as large as a 64-bit one can be


def memory_limit(mount: Path = MOUNT, own: Path = OWN) -> int:
    """The smallest limit of the process's own group and those around it, in bytes; 0: none."""
    limits = (_read(file) for file in _files(mount, own))
    return min((limit for limit in limits if 0 < limit < NO_LIMIT), default=0)


def _files(mount: Path, own: Path) -> Iterator[Path]:
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _upwards(mount, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _upwards(mount / "memory", path, "memory.limit_in_bytes")


def _upwards(mount: Path, path: str, name: str) -> Iterator[Path]:
    """The file in a group and in all above it. In a container the path may be the host's, and only the top be there."""
    group = Path(path.removeprefix("/"))
    for folder in (group, *group.parents):
        yield mount / folder / name


def _read(file: Path) -> int:
    try:
        return int(file.read_text())
    except OSError, ValueError:  # not there, or "max"
        return 0
