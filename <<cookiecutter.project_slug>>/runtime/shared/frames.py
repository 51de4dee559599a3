"""What passes between the bridge in main and a web thread: a socketpair for each, one request at a time.
The oldest of those that wait lie in one more, from which all web threads take.

The sockets keep message boundaries (SEQPACKET), so a frame is one message: a tuple in marshal's format, which is the
fastest of the standard library and never leaves the process.

    main → web    request    (number, method, path, query, version, scheme, client, server, headers, body)
                             body: bytes, or (descriptor, length) of a file that the web thread closes
    web → main    WHOLE      (kind, status, headers, body, number, taken)
                  FILE       (kind, status, headers, path, first byte, the one behind the last, number, taken)
                  HEAD       (kind, status, headers), then CHUNK (kind, bytes) …, then END (kind, number, taken)
                  BROKEN     (kind, number, taken) instead of END: the rest of the response will not come
                  number: of the request that this ends. What ends another one than main expects is thrown away
                  taken: the number of the request that the thread has taken from the waiting room; 0: none

That nobody wants the response any more stands on the board (Cell.GONE).
"""

import marshal
import socket
from typing import Any

WHOLE, FILE, HEAD, CHUNK, END, BROKEN = range(6)
AT_ONCE = (WHOLE, FILE)
LAST = (WHOLE, FILE, END, BROKEN)  # behind one of these the thread sends no more of this request

CHUNK_SIZE = 128 * 1024  # bytes of body in a frame: well under the kernel's default socket buffer (212,992)
FRAME_SIZE = 200 * 1024  # the largest frame that a socket takes
FORMAT = 2  # of marshal; later ones note each object, in case that it comes again: up to twice the time

type Headers = list[tuple[str, str]]


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends: main's (it never blocks) and the web thread's."""
    main, web = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    main.setblocking(False)
    return main, web


def pack(frame: tuple[Any, ...]) -> bytes:
    return marshal.dumps(frame, FORMAT)


def unpack(data: bytes | memoryview) -> tuple[Any, ...]:
    return tuple(marshal.loads(data))  # noqa: S302  from our own process
