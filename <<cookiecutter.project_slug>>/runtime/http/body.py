"""Taking in a request's body in the main interpreter, so that a slow upload never holds a web thread."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

IN_MEMORY = 64 * 1024  # bytes; a larger body goes to a file, whose descriptor the web thread reads
BATCH = 512 * 1024  # bytes collected before a write to that file

type Body = bytes | tuple[int, int]  # content, or (descriptor, length)


class BodyTooLarge(Exception):
    """The body is, or says it is, larger than MAX_REQUEST_BODY."""


class BodyIncomplete(Exception):
    """The client has left in the middle of its body, or that is broken."""


def has_body(scope: Any, headers: dict[str, str]) -> bool:
    """Whether one may come: HTTP/2 needs no header that tells of it."""
    if "content-length" in headers or "transfer-encoding" in headers:
        return True
    return scope.http_version == "2" and scope.method not in ("GET", "HEAD")


async def receive(proto: Any, headers: dict[str, str], limit: int, folder: Path) -> Body:
    """Read a body of at most `limit` bytes.

    Raises BodyTooLarge once that is known, BodyIncomplete, and OSError if the disk is full.
    """
    declared = int(headers["content-length"]) if "content-length" in headers else None
    if declared is not None and declared > limit:
        raise BodyTooLarge
    if declared is not None and declared <= IN_MEMORY:
        try:
            return bytes(await proto())
        except RuntimeError as error:  # Granian's RSGIProtocolClosed
            raise BodyIncomplete from error
    chunks = (chunk async for chunk in proto)  # Granian gives its iterator once
    try:
        return await _spool(chunks, limit, folder, declared, declared is None and "transfer-encoding" in headers)
    except OSError:
        async for chunk in chunks:  # read on: a client whose connection is closed while it sends may see no answer
            limit -= len(chunk)
            if limit < 0:
                break
        raise


async def _spool(
    chunks: AsyncIterator[bytes], limit: int, folder: Path, declared: int | None, is_chunked: bool
) -> Body:
    """Granian does not say that a body broke off: its length tells, or an empty part before the one that is the end.

    Trailers are an empty part too: a request that has some is refused. In HTTP/2 the end may be two empty parts, so
    one without a length is believed.
    """
    loop, batch, length, empty = asyncio.get_running_loop(), bytearray(), 0, 0
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        async for chunk in chunks:
            batch += chunk
            length += len(chunk)
            empty += not chunk
            if length > limit:
                raise BodyTooLarge
            if len(batch) >= BATCH:
                await loop.run_in_executor(None, write_all, file, batch)
                batch = bytearray()
        if declared not in (None, length) or (is_chunked and empty > 1):
            raise BodyIncomplete
        if length <= IN_MEMORY:
            return bytes(batch)
        await loop.run_in_executor(None, write_all, file, batch)
        file.seek(0)
        return os.dup(file.fileno()), length


def write_all(file: Any, data: bytearray) -> None:
    """A disk that is nearly full takes a part, and says that it is full to the next write only."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def discard(body: Body) -> None:
    """Close a body that no web thread will read."""
    if isinstance(body, tuple):
        os.close(body[0])
