"""Granian, embedded: all that is known of it stands in this file."""

import asyncio
import socket
from typing import Any

from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server as GranianServer

from runtime.log import event
from runtime.plan import StartError

BACKLOG = 1024  # connections that the kernel holds while none is accepted


EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds it."""
    name = "localhost" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


class Server(GranianServer):
    """Serves an RSGI application on a socket of its own.

    Granian would bind with SO_REUSEPORT, with which a second server on the same port goes unnoticed and takes half
    of the requests; and it does not tell the port that it got for port 0.
    """

    def __init__(self, application: Any, host: str, port: int) -> None:
        super().__init__(application, host, port, websockets=False, log_enabled=False, backlog=BACKLOG)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self.socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise StartError(f"HOST={host} PORT={port}: {error.strerror}. Set another one.") from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it; else 40 ms at times
        self.address = address(host, self.socket.getsockname()[1])

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
