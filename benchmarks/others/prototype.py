"""The shortest way from Granian to Django in other interpreters: what this project's way is measured against.

    python -m benchmarks.others.prototype PORT

Two interpreters with two threads each. An idle thread gets its request from main, on a socket of its own; one that has
been busy takes the next from the socket `others`, and tells main which with its answer. No bodies, limits, errors, end.
"""

import asyncio
import datetime  # noqa: F401  with the next three: first in the main interpreter
import decimal  # noqa: F401
import marshal
import os
import socket
import sqlite3  # noqa: F401
import sys
import threading
import zoneinfo  # noqa: F401
from collections import deque
from concurrent import interpreters
from itertools import count
from typing import Any

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

WEB = """
import io, marshal, os, socket, sys, threading
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from config.wsgi import application
base = {"SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False}
def serve(own, others):
    buffer, heads = memoryview(bytearray(200_000)), []
    size = own.recv_into(buffer)
    while size:
        _, method, path, query, headers, server = marshal.loads(buffer[:size])
        name, _, port = server.rpartition(":")
        environ = base | {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": name,
                          "SERVER_PORT": port, "wsgi.input": io.BytesIO()}
        environ |= {"HTTP_" + key.upper().replace("-", "_"): value for key, value in headers}
        response = application(environ, lambda status, headers, error=None: heads.append((int(status[:3]), headers)))
        content = b"".join(response)
        try:
            size = others.recv_into(buffer)
        except BlockingIOError:
            size = 0
        own.send(marshal.dumps((marshal.loads(buffer[:size])[0] if size else 0, *heads.pop(), content)))
        response.close()
        size = size or own.recv_into(buffer)
for own, others in ends:
    threading.Thread(target=serve, args=(socket.socket(fileno=own), socket.socket(fileno=others))).start()
"""

type Request = tuple[int, asyncio.Future[Any], bytes]
AHEAD = 8


def pair() -> tuple[socket.socket, socket.socket]:
    main, web = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    main.setblocking(False)
    return main, web


class Link:
    def __init__(self, end: socket.socket, mates: list[Link]) -> None:
        self.end, self.mates = end, mates
        self.answer: asyncio.Future[Any] | None = None


class Prototype:
    def __init__(self) -> None:
        self.idle, self.waiting, self.ahead = deque[Link](), deque[Request](), dict[int, asyncio.Future[Any]]()
        self.numbers, self.buffer = count(1), memoryview(bytearray(200_000))

    def start(self) -> None:
        self.into, self.others = pair()
        self.others.setblocking(False)
        for _ in range(2):
            pairs, mates = [pair() for _ in range(2)], list[Link]()
            mates += [Link(main, mates) for main, _ in pairs]
            for link in mates:
                asyncio.get_running_loop().add_reader(link.end, self.read, link)
            self.idle += mates
            web = interpreters.create()
            ends = tuple((end.detach(), os.dup(self.others.fileno())) for _, end in pairs)
            web.prepare_main(path=tuple(sys.path), ends=ends)
            web.exec("import sys; sys.path[:] = path")
            threading.Thread(target=web.exec, args=(WEB,), daemon=True).start()

    def read(self, link: Link) -> None:
        taken, *frame = marshal.loads(self.buffer[: link.end.recv_into(self.buffer)])
        answer, link.answer = link.answer, self.ahead.pop(taken) if taken else None
        if link.answer is None:
            self.next(link)
        self.fill()
        if answer is not None:
            answer.set_result(frame)

    def next(self, link: Link) -> None:
        """It has found nobody: what has come since, or nothing."""
        try:
            request = self.others.recv(200_000)
        except BlockingIOError:
            return self.idle.append(link)
        link.answer = self.ahead.pop(marshal.loads(request)[0])
        link.end.send(request)

    def fill(self) -> None:
        while self.waiting and len(self.ahead) < AHEAD:
            number, answer, request = self.waiting.popleft()
            self.ahead[number] = answer
            self.into.send(request)

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        number, answer = next(self.numbers), asyncio.get_running_loop().create_future()
        head = scope.method, scope.path, scope.query_string, scope.headers.items(), scope.server
        request = marshal.dumps((number, *head))
        if self.idle:
            free = (link for link in self.idle if all(mate.answer is None for mate in link.mates))
            link = next(free, self.idle[0])
            self.idle.remove(link)
            link.answer = answer
            link.end.send(request)
        else:
            self.waiting.append((number, answer, request))
            self.fill()
        proto.response_bytes(*await answer)


async def main(port: int) -> None:
    prototype = Prototype()
    prototype.start()
    await Server(prototype, port=port, interface=Interfaces.RSGI, websockets=False, log_enabled=False).serve()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
