"""The connection to a client, which Granian keeps to itself: found among the descriptors of this process.

Two things need it that Granian does not offer: to cut it, so that the client of a response that broke off can see that;
and to know how much of a response the kernel has taken, as Granian takes any amount at once and holds it in memory.
"""

import contextlib
import fcntl
import os
import socket
import stat
import sys
import termios
from collections.abc import Iterator

BYTES_ACKED = slice(120, 128)  # tcpi_bytes_acked in Linux's tcp_info


def find(client: str, server: str) -> socket.socket | None:
    """A duplicate of the socket to `client`, as RSGI names both ("127.0.0.1:50000"); None where it is not to be told.

    Takes some 5 µs for each descriptor of the process.
    """
    peer, port = _parse(client), _parse(server)[1]
    found: dict[int, socket.socket] = {}  # by inode: a socket may have several descriptors
    for candidate in _sockets():
        inode = os.fstat(candidate.fileno()).st_ino
        if inode not in found and _connects(candidate, peer, port):
            found[inode] = candidate
        else:
            candidate.close()
    if len(found) == 1:
        return found.popitem()[1]
    for candidate in found.values():  # one client's port, and two addresses of this machine
        candidate.close()
    return None


def _sockets() -> Iterator[socket.socket]:
    """Duplicates of all sockets of this process."""
    for name in os.listdir("/proc/self/fd"):
        try:
            descriptor = os.dup(int(name))
        except OSError:  # closed by now
            continue
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            yield socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, descriptor)  # IPv4 addresses fit in as well
        else:
            os.close(descriptor)


def _connects(candidate: socket.socket, peer: tuple[str, int], port: int) -> bool:
    try:
        name = candidate.getpeername()
        return isinstance(name, tuple) and name[:2] == peer and candidate.getsockname()[1] == port
    except OSError:  # it listens
        return False


def _parse(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]").partition("%")[0], int(port)


class Connection:
    """A connection on which large responses are sent; in HTTP/2 there may be several at a time."""

    known: dict[str, Connection] = {}  # by client

    def __init__(self, client: str, end: socket.socket) -> None:
        self.client, self.socket = client, end
        self.responses = 0  # that use it
        self.before = self._written()
        self.given = 0  # bytes of responses that Granian has got

    @classmethod
    def take(cls, client: str, server: str) -> Connection | None:
        if client not in cls.known:
            if (end := find(client, server)) is None:
                return None
            cls.known[client] = cls(client, end)
        cls.known[client].responses += 1
        return cls.known[client]

    def release(self) -> None:
        """Granian's own end is the last one then: the client sees it when that is closed."""
        self.responses -= 1
        if not self.responses:
            del self.known[self.client]
            self.socket.close()

    def cut(self) -> None:
        """For both directions: what the client has is not all, and it can see that."""
        with contextlib.suppress(OSError):  # it has gone by itself
            self.socket.shutdown(socket.SHUT_RDWR)

    def held(self) -> int:
        """Bytes that Granian holds, and the kernel has not taken yet."""
        taken = self._written() - self.before
        self.given = max(self.given, taken)  # what frames the parts counts as taken: that must not add up
        return self.given - taken

    def _written(self) -> int:
        """Bytes that the kernel has ever taken for it: what the client has acknowledged, and what is on its way."""
        information = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED.stop)
        on_their_way = fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4))
        return sum(int.from_bytes(number, sys.byteorder) for number in (information[BYTES_ACKED], on_their_way))
