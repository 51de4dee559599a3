"""Granian, embedded: what is known of it as a server. Its requests come to bridge.py."""

import asyncio
import os
import resource
import socket
import ssl
from pathlib import Path
from typing import Any

# Its allocator reads this as it is loaded: one arena, so that all of Granian can use the reserve (`take_reserve`).
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,oversize_threshold:0")

from granian._granian import MetricsAggregator
from granian.http import HTTP1Settings, HTTP2Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server as GranianServer

from runtime.shared.log import event
from runtime.shared.plan import StartError

BACKLOG = 1024  # connections that the kernel holds while none is accepted
MOST_CONNECTIONS = 3072  # that are served at once, where there are descriptors for them
AT_ONCE = 256 * 1024  # bytes read of a connection at once, and so the most of a head: with less, uploads cost main more
MOST_HEADERS = 64 * 1024  # bytes of headers, in HTTP/2
IDLE = 75  # seconds for the head of a request, and between two: longer than proxies keep one for use again (60)
RESERVE = 32 * 2**20  # bytes; 900 connections took 28 MB

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104


def address(host: str, port: int, scheme: str = "http") -> str:
    """Where a browser on this machine finds it."""
    name = "localhost" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{port}"


def take_reserve() -> None:
    """Let Granian's allocator get address space before it is needed.

    Granian aborts the process when it gets no memory, which a task that eats all of it would bring about. Its
    allocator, jemalloc, never gives back what it got from the kernel, only the pages. So it is made to get much at
    once, by the one object of Granian's whose size can be chosen (24 bytes for each worker that it would count).
    """
    MetricsAggregator(RESERVE // 24)


def most_connections() -> int:
    """How many to serve at once: with three quarters of the descriptors that the process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft * 3 // 4)


def check_certificate(certificate: str, key: str) -> None:
    """Raises StartError where Granian could not use them: it would panic, or ask for a password."""
    if not (certificate and key):
        raise StartError("SSL_CERT and SSL_KEY: set both of them, or none.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        missing = next((path for path in (certificate, key) if not os.access(path, os.R_OK)), "")
        reason = f"{missing} cannot be read" if missing else f"not a certificate in PEM and its key ({error})"
        raise StartError(f"SSL_CERT={certificate} SSL_KEY={key}: {reason}.") from error


class Server(GranianServer):
    """Serves an RSGI application on a socket of its own.

    Granian would bind with SO_REUSEPORT, with which a second server on the same port goes unnoticed and takes half
    of the requests; and it does not tell the port that it got for port 0.
    """

    def __init__(self, application: Any, host: str, port: int, certificate: str = "", key: str = "") -> None:
        is_secure = bool(certificate or key)
        if is_secure:
            check_certificate(certificate, key)
        take_reserve()
        super().__init__(
            application, host, port, websockets=False, log_enabled=False, backlog=BACKLOG,
            backpressure=most_connections(),
            http1_settings=HTTP1Settings(header_read_timeout=IDLE * 1000, max_buffer_size=AT_ONCE),
            http2_settings=HTTP2Settings(max_headers_size=MOST_HEADERS),
            ssl_cert=Path(certificate) if is_secure else None, ssl_key=Path(key) if is_secure else None,
        )  # fmt: skip
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            both = host == "::" and socket.has_dualstack_ipv6()
            self.socket = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as error:
            raise StartError(f"HOST={host} PORT={port}: {error.strerror}. Set another one.") from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it; else 40 ms at times
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # and this: a client that vanished is noticed
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        self.address = address(host, self.socket.getsockname()[1], "https" if is_secure else "http")

    def start(self) -> None:
        """Accept connections from now on."""
        event("listening", address=self.address)
        self.serving = asyncio.get_running_loop().create_task(self.serve())

    async def close(self, seconds: float) -> bool:
        """Accept no more, answer what has been accepted; False where that takes longer than `seconds`."""
        self.stop()  # type: ignore[no-untyped-call]
        done, _ = await asyncio.wait([self.serving], timeout=max(0, seconds))
        return bool(done)

    def _init_shared_socket(self) -> None:
        self._shd: Any = SocketHolder(self.socket.fileno(), False, BACKLOG)  # type: ignore[call-arg]
