"""Responses from a file (wsgi.file_wrapper): Granian reads it, and no Python copies its bytes."""

import io
import os
import re
import stat
from typing import Any
from wsgiref.util import FileWrapper

from runtime.frames import Headers

type Head = tuple[int, Headers]
type Part = tuple[str, int, int]  # path, first byte, and the one behind the last

RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)  # several ranges at once are not answered as such


def find_part(wrapper: FileWrapper, headers: Headers) -> Part | None:
    """What of which file on the disk is to be sent; None where there is no path that leads to it."""
    file: Any = wrapper.filelike
    if not isinstance(file, (io.BufferedReader, io.FileIO)) or not str(file.name).startswith("/"):
        return None
    try:
        here, there = os.fstat(file.fileno()), os.stat(file.name)
    except OSError:
        return None
    if not stat.S_ISREG(here.st_mode) or not os.path.samestat(here, there):  # it was deleted, or replaced
        return None
    start, length = file.tell(), _find(headers, "content-length")
    end = min(here.st_size, start + int(length)) if length.isdecimal() else here.st_size
    return file.name, start, end


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
    if _find(headers, "content-length"):
        return headers
    return [*headers, ("Content-Length", str(part[2] - part[1]))]


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
