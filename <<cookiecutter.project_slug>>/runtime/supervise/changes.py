"""Which files of the project have changed, for --reload."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

LOOK_EVERY = 0.3  # seconds
SUFFIXES = (".py", ".html", ".txt", ".env", ".toml")


async def of_files(folder: Path, data: Path) -> AsyncIterator[list[str]]:
    """The names of the source files that have changed, whenever some have."""
    before = await asyncio.to_thread(_times, folder, data)
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = await asyncio.to_thread(_times, folder, data)
        changed = sorted({name for name, _ in before.items() ^ now.items()})
        before = now
        if changed:
            yield [str(Path(name).relative_to(folder)) for name in changed]


def _times(folder: Path, data: Path) -> dict[str, int]:
    """When each source file was last written, in ns."""
    found: dict[str, int] = {}
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_foreign(Path(path, name), data)]
        for name in files:
            if name.endswith(SUFFIXES):
                full = os.path.join(path, name)
                try:
                    found[full] = os.stat(full).st_mtime_ns
                except OSError:  # gone since
                    continue
    return found


def _is_foreign(folder: Path, data: Path) -> bool:
    """Data, caches, virtual environments."""
    hidden = folder.name.startswith((".", "__pycache__", "node_modules"))
    return hidden or folder == data or (folder / "pyvenv.cfg").exists()
