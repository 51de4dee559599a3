"""Responses from a file (wsgi.file_wrapper): Granian reads it, and no Python copies its bytes."""

import io
import os
import re
import stat
from collections.abc import Iterator
from typing import Any
from wsgiref.util import FileWrapper

from runtime.shared.frames import CHUNK_SIZE, Headers

type Head = tuple[int, Headers]
type Part = tuple[str, int, int]  # path, first byte, and the one behind the last

RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)  # several ranges at once are not answered as such


class File:
    """A file on the disk that a response is, open once more: what closes the response may delete it."""

    def __init__(self, file: io.BufferedReader | io.FileIO) -> None:
        self.path, self.start = str(file.name), file.tell()
        self.file = open(os.dup(file.fileno()), "rb", buffering=0)  # noqa: SIM115  see close()
        self.close = self.file.close

    def part(self, headers: Headers) -> Part:
        """What of it is to be sent."""
        size, length = os.fstat(self.file.fileno()).st_size, _find(headers, "content-length")
        return self.path, self.start, min(size, self.start + int(length)) if length.isdecimal() else size

    def is_at_its_path(self) -> bool:
        """Whether its path still leads to it: it may have been deleted, or replaced."""
        try:
            return os.path.samestat(os.fstat(self.file.fileno()), os.stat(self.path))
        except OSError:
            return False

    def read(self, first: int, behind: int) -> Iterator[bytes]:
        self.file.seek(first)
        while first < behind and (chunk := self.file.read(min(CHUNK_SIZE, behind - first))):
            first += len(chunk)
            yield chunk


def find_file(result: object) -> File | None:
    """The file that a response is; None where it is none on the disk."""
    file: Any = result.filelike if type(result) is FileWrapper else None
    if not isinstance(file, (io.BufferedReader, io.FileIO)) or not str(file.name).startswith("/"):
        return None
    return File(file) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def answer_range(environ: dict[str, Any], head: Head, part: Part) -> tuple[Head, Part]:
    """The part that the client asks for (RFC 9110, 14), and the head that goes with it."""
    (status, headers), (path, start, end) = head, part
    if status != 200 or start or _find(headers, "content-range") or _find(headers, "content-encoding"):
        return head, part
    headers = [*headers, ("Accept-Ranges", "bytes")] if not _find(headers, "accept-ranges") else headers
    wanted = RANGE.fullmatch(environ.get("HTTP_RANGE", "").strip())
    if wanted is None or not _is_range(*wanted.groups()) or not _is_current(environ.get("HTTP_IF_RANGE"), headers):
        return (status, headers), part
    first, behind = _bounds(wanted[1], wanted[2], end)
    headers = [(name, value) for name, value in headers if name.lower() not in ("content-length", "content-range")]
    if first >= behind:
        return (416, [*headers, ("Content-Range", f"bytes */{end}")]), (path, 0, 0)
    return (206, [*headers, ("Content-Range", f"bytes {first}-{behind - 1}/{end}")]), (path, first, behind)


def with_length(headers: Headers, part: Part) -> Headers:
    return headers if _find(headers, "content-length") else [*headers, ("Content-Length", str(part[2] - part[1]))]


def _is_range(first: str, last: str) -> bool:
    return int(first) <= int(last) if first and last else bool(first or last)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:  # so many from the end
        return max(0, size - int(last)), size if int(last) else 0
    return int(first), min(int(last) + 1, size) if last else size


def _is_current(condition: str | None, headers: Headers) -> bool:
    """Whether If-Range names this version of the file."""
    if condition is None:
        return True
    tag = _find(headers, "etag")
    return condition in (tag if not tag.startswith("W/") else "", _find(headers, "last-modified")) and condition != ""


def _find(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")
