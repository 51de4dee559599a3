"""The shortest way from Granian to Django in other interpreters: what this project's way is measured against.

    python -m benchmarks.others.prototype PORT

Two interpreters with two threads each; no bodies, no limits, no errors, no end.
"""

import asyncio
import datetime  # noqa: F401  with the next three: first in the main interpreter
import decimal  # noqa: F401
import marshal
import socket
import sqlite3  # noqa: F401
import sys
import threading
import zoneinfo  # noqa: F401
from collections import deque
from concurrent import interpreters
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
def serve(end):
    buffer, heads = memoryview(bytearray(200_000)), []
    while size := end.recv_into(buffer):
        method, path, query, headers, server = marshal.loads(buffer[:size])
        name, _, port = server.rpartition(":")
        environ = base | {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": name,
                          "SERVER_PORT": port, "wsgi.input": io.BytesIO()}
        environ |= {"HTTP_" + key.upper().replace("-", "_"): value for key, value in headers}
        response = application(environ, lambda status, headers, error=None: heads.append((int(status[:3]), headers)))
        content = b"".join(response)
        response.close()
        end.send(marshal.dumps((*heads.pop(), content)))
for number in ends:
    threading.Thread(target=serve, args=(socket.socket(fileno=number),)).start()
"""


class Link:
    def __init__(self, end: socket.socket, mates: list[Link]) -> None:
        self.end, self.mates = end, mates
        self.answer: asyncio.Future[Any] | None = None


class Prototype:
    def __init__(self) -> None:
        self.idle, self.waiting = deque[Link](), deque[tuple[asyncio.Future[Any], bytes]]()
        self.buffer = memoryview(bytearray(200_000))

    def start(self) -> None:
        for _ in range(2):
            pairs, mates = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)], list[Link]()
            mates += [Link(main, mates) for main, _ in pairs]
            for link in mates:
                asyncio.get_running_loop().add_reader(link.end, self.read, link)
            self.idle += mates
            web = interpreters.create()
            web.prepare_main(path=tuple(sys.path), ends=tuple(end.detach() for _, end in pairs))
            web.exec("import sys; sys.path[:] = path")
            threading.Thread(target=web.exec, args=(WEB,), daemon=True).start()

    def read(self, link: Link) -> None:
        answer, frame = link.answer, marshal.loads(self.buffer[: link.end.recv_into(self.buffer)])
        link.answer = None
        if self.waiting:
            link.answer, request = self.waiting.popleft()
            link.end.send(request)
        else:
            self.idle.append(link)
        if answer is not None:
            answer.set_result(frame)

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        request = marshal.dumps((scope.method, scope.path, scope.query_string, scope.headers.items(), scope.server))
        answer = asyncio.get_running_loop().create_future()
        if self.idle:
            free = (link for link in self.idle if all(mate.answer is None for mate in link.mates))
            link = next(free, self.idle[0])
            self.idle.remove(link)
            link.answer = answer
            link.end.send(request)
        else:
            self.waiting.append((answer, request))
        proto.response_bytes(*await answer)


async def main(port: int) -> None:
    prototype = Prototype()
    prototype.start()
    await Server(prototype, port=port, interface=Interfaces.RSGI, websockets=False, log_enabled=False).serve()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
