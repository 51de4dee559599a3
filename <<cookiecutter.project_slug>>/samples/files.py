"""Where uploads and results lie below MEDIA_ROOT, and how a result gets there whole.

uploads/ID               what somebody sent, without a name or type of theirs; never served
images/ID/large.jpg      results, one folder for each
previews/ID/small.jpg
documents/ID/text.txt
exports/ID/orders.csv

A result's name appears when its content is complete and on disk, so whoever finds it may read it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import UUID, uuid4

from django.conf import settings
from django.urls import reverse

from accounts.errors import NOT_STORED
from samples.errors import StorageFull, UploadMissing

PARTIAL = ".partial"


def media_root() -> Path:
    return Path(settings.MEDIA_ROOT)


def upload_path(upload_id: str) -> Path:
    return media_root() / "uploads" / str(UUID(upload_id))


def existing_upload(upload_id: str) -> Path:
    """Raises UploadMissing."""
    path = upload_path(upload_id)
    if not path.exists():
        raise UploadMissing("The uploaded file is no longer here. Upload it again.")
    return path


def result_folder(kind: str, result_id: str) -> Path:
    """The folder of one result, created where it is missing, without what an attempt that was killed left in it."""
    folder = media_root() / kind / str(UUID(result_id))
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f"*.*{PARTIAL}"):
        left_over.unlink(missing_ok=True)
    return folder


def url_of(path: Path) -> str:
    return reverse("samples:media", args=[path.relative_to(media_root()).as_posix()])


@contextmanager
def full_disk_explained() -> Iterator[None]:
    """Around a task: where the disk takes no more, StorageFull says what is to be done."""
    try:
        yield
    except OSError as error:
        if error.errno not in NOT_STORED:
            raise
        message = f"The result could not be stored: {error.strerror}. Make room on the server, then retry this task."
        raise StorageFull(message) from error


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the name `path` when the block ends well and is deleted otherwise."""
    partial = path.with_name(f"{path.name}.{uuid4().hex}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            yield file
            publish(file, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def publish(file: IO[bytes], path: Path) -> None:
    """Rename an open, complete file to `path`: content first, then the name, so a power cut leaves all or nothing."""
    file.flush()
    os.fsync(file.fileno())
    os.replace(file.name, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
