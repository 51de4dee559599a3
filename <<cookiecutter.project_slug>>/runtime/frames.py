"""What passes between the bridge in main and a web thread: one socketpair, one request at a time.

The sockets keep message boundaries (SEQPACKET), so a frame is one message: a tuple in marshal's format, which is the
fastest of the standard library and never leaves the process.

    main → web    request    (method, path, query, version, scheme, client, server, headers, body)
                             body: bytes, or (descriptor, length) of a file that the web thread closes
                  GONE       the client has left; what is still being sent goes nowhere
    web → main    WHOLE      (kind, status, headers, body)
                  FILE       (kind, status, headers, path, first byte, the one behind the last)
                  HEAD       (kind, status, headers), then CHUNK (kind, bytes) …, then END (kind,)
                  BROKEN     (kind,) instead of END: the rest of the response will not come
"""

import marshal
import socket
from typing import Any

WHOLE, FILE, HEAD, CHUNK, END, BROKEN = range(6)
LAST = (WHOLE, FILE, END, BROKEN)  # after one of these the thread is free for the next request
GONE = ("gone",)
GONE_FRAME = marshal.dumps(GONE, 2)  # the version that has the same bytes for the same value, always

CHUNK_SIZE = 128 * 1024  # bytes of body in a frame: well under the kernel's default socket buffer (212,992)
FRAME_SIZE = 200 * 1024  # the largest frame that a socket takes

type Headers = list[tuple[str, str]]


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends: main's (it never blocks) and the web thread's."""
    main, web = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    main.setblocking(False)
    return main, web


def pack(frame: tuple[Any, ...]) -> bytes:
    return marshal.dumps(frame)


def unpack(data: bytes | memoryview) -> tuple[Any, ...]:
    frame: tuple[Any, ...] = marshal.loads(data)  # noqa: S302  from our own process
    return frame
