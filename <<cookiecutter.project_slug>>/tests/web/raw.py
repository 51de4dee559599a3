"""A client that sends bytes and shows bytes: nothing is tidied up on the way."""

import base64
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from tests.server import PATIENCE, Server


class Answer:
    """One response: its status line, its headers as they came, its body without the framing."""

    def __init__(self, connection: Connection, method: str) -> None:
        self.line = connection.read_line()
        self.status = int(self.line.split(b" ")[1]) if self.line else 0  # 0: the connection was closed instead
        self.headers: list[tuple[str, str]] = []
        while line := connection.read_line():
            name, _, value = line.partition(b":")
            self.headers.append((name.decode().lower(), value.strip().decode("latin-1")))
        self.is_whole = self.status > 0  # as far as the framing tells
        self.body = b"" if method == "HEAD" or self.status in (204, 304) else self._read_body(connection)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def environ(self) -> dict[str, str]:
        """Of /probe/echo."""
        found: dict[str, str] = self.json()["environ"]
        return found

    @property
    def sent_body(self) -> bytes:
        """Of /probe/echo: what reached the application."""
        return base64.b64decode(self.json()["body"])

    def _read_body(self, connection: Connection) -> bytes:
        if self.get("transfer-encoding") == "chunked":
            return self._read_chunks(connection)
        if (length := self.get("content-length")) is not None:
            body = connection.file.read(int(length))
            self.is_whole = len(body) == int(length)
            return body
        return connection.file.read()

    def _read_chunks(self, connection: Connection) -> bytes:
        body = b""
        while line := connection.file.readline():
            size = int(line, 16)
            body += connection.file.read(size)
            ending = connection.file.readline()
            if not size and ending == b"\r\n":
                return body
        self.is_whole = False
        return body


class Connection:
    def __init__(self, server: Server, context: ssl.SSLContext | None = None) -> None:
        url = urlsplit(server.url)
        self.socket = socket.create_connection((url.hostname or "", url.port or 0), timeout=PATIENCE)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, *lines: str | bytes, body: bytes = b"") -> None:
        """The lines of a head, and a body."""
        head = b"".join((line.encode("latin-1") if isinstance(line, str) else line) + b"\r\n" for line in lines)
        self.socket.sendall(head + b"\r\n" + body)

    def get(self, target: str, *headers: str | bytes, method: str = "GET", body: bytes = b"") -> Answer:
        if body and not any(str(line).lower().startswith("transfer-encoding") for line in headers):
            headers = (*headers, f"Content-Length: {len(body)}")
        self.send(f"{method} {target} HTTP/1.1", "Host: localhost", *headers, body=body)
        return self.answer(method)

    def answer(self, method: str = "GET") -> Answer:
        return Answer(self, method)

    def read_line(self) -> bytes:
        return self.file.readline().rstrip(b"\r\n")

    def is_closed(self) -> bool:
        """Whether the server ends the connection, with nothing more to read."""
        return self.file.read(1) == b""


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
