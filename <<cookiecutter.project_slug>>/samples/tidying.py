"""Deleting the files that no task mentions: those of tasks that were pruned, and uploads whose request then died.

A task's arguments name its files (samples/files.py). So whatever is still in the table keeps its files, however old
they are and however many tasks share them; and what a crash has left behind is found the next time.
"""

import contextlib
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from samples.files import media_root
from tasks.models import TaskRecord

KINDS = ("uploads", "images", "previews", "documents", "exports")
LEAST_AGE = 86_400.0  # seconds: a younger file may belong to a request that has not enqueued its task yet
UUIDS = re.compile("[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def delete_unknown_files(**signal: object) -> int:
    """Delete uploads and results that no task mentions; how many."""
    unknown = _old_files()
    if unknown:  # else there is no reason to read the table
        for mentioned in _ids_in_arguments():
            unknown.pop(mentioned, None)
    paths = [path for same_id in unknown.values() for path in same_id]
    for path in paths:
        _delete(path)
    return len(paths)


def _old_files() -> dict[UUID, list[Path]]:
    found: dict[UUID, list[Path]] = defaultdict(list)
    before = time.time() - LEAST_AGE
    for path in _files_of_ours():
        with contextlib.suppress(ValueError, FileNotFoundError):  # no id: not ours; another node was quicker
            if path.stat().st_mtime < before:
                found[UUID(path.name[:36])].append(path)  # half-written uploads have a longer name
    return found


def _files_of_ours() -> Iterable[Path]:
    return (path for kind in KINDS for path in media_root().glob(f"{kind}/*"))


def _ids_in_arguments() -> Iterator[UUID]:
    """As text: quicker than reading the JSON of every task, and it does not matter where in it they stand."""
    texts = TaskRecord.objects.order_by().values_list(Cast("arguments", TextField()), flat=True)
    for text in texts.iterator():
        yield from map(UUID, UUIDS.findall(text))


def _delete(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
