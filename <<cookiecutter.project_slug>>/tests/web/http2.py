"""As much of HTTP/2 (RFC 9113) as a request takes. No header is longer than a length of one byte tells."""

import struct

from tests.web.raw import Connection

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
ACKNOWLEDGED, END_STREAM, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
STATUS_200 = 0x88  # in HPACK's table


class Client:
    def __init__(self, connection: Connection) -> None:
        self.connection, self.streams = connection, 0
        self.connection.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def ask(self, path: str, headers: dict[str, str] | None = None, body: bytes = b"", method: str = "GET") -> int:
        """Send a request; the number of its stream."""
        self.streams += 1
        number = 2 * self.streams - 1
        names = {":method": method, ":scheme": "http", ":authority": "localhost", ":path": path} | (headers or {})
        block = b"".join(b"\x00" + text(name) + text(value) for name, value in names.items())
        self.connection.socket.sendall(
            frame(HEADERS, END_HEADERS | (END_STREAM if method == "GET" else 0), number, block)
        )
        if body:
            self.send(number, body, END_STREAM)
        return number

    def send(self, number: int, part: bytes, flags: int = 0) -> None:
        """A part of a body."""
        self.connection.socket.sendall(frame(DATA, flags, number, part))

    def answers(self, *numbers: int) -> dict[int, bytes]:
        """The bodies of these streams, in the order in which they ended. Raises ConnectionError if one broke off."""
        bodies, ended = dict.fromkeys(numbers, b""), dict[int, bytes]()
        while len(ended) < len(numbers):
            kind, flags, number, content = self._read()
            if kind == SETTINGS and not flags & ACKNOWLEDGED:
                self.connection.socket.sendall(frame(SETTINGS, ACKNOWLEDGED, 0))
            elif kind in (RST_STREAM, GOAWAY):
                raise ConnectionError(content)
            elif kind == HEADERS:
                assert content[0] == STATUS_200, content
            elif kind == DATA:
                bodies[number] += content
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                ended[number] = bodies[number]
        return ended

    def _read(self) -> tuple[int, int, int, bytes]:
        head = self.connection.file.read(9)
        if len(head) < 9:
            raise ConnectionError("closed")
        high, low, kind, flags, number = struct.unpack("!BHBBL", head)
        return kind, flags, number, self.connection.file.read(high * 65536 + low)


def frame(kind: int, flags: int, number: int, content: bytes = b"") -> bytes:
    return struct.pack("!BHBBL", len(content) // 65536, len(content) % 65536, kind, flags, number) + content


def text(value: str) -> bytes:
    assert len(value) < 127
    return bytes([len(value)]) + value.encode()
