"""One request through WSGI (PEP 3333): from a frame to environ, from the application's answer to frames."""

import io
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, BinaryIO
from wsgiref.util import FileWrapper

from runtime import frames

logger = logging.getLogger("server")

type Environ = dict[str, Any]
type ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType]
type Application = Callable[[Environ, Callable[..., Callable[[bytes], None]]], Iterable[bytes]]

BASE_ENVIRON: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,  # several interpreters: nothing in memory is shared
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.file_wrapper": FileWrapper,
}
ERROR_PAGE = b"<!doctype html><title>Server Error</title><h1>Server Error (500)</h1>"
WITHOUT_BODY = (204, 304)


class ClientGone(BaseException):
    """The client has left while its response was being sent. No `except Exception` of a generator goes on after it."""


def make_environ(request: tuple[Any, ...]) -> tuple[Environ, BinaryIO]:
    """The environ of a request frame, and the body, which the caller closes."""
    method, path, query, version, scheme, client, server, headers, body = request
    name, _, port = server.rpartition(":")
    address, _, client_port = client.rpartition(":")
    environ = BASE_ENVIRON | {
        "REQUEST_METHOD": method,
        "PATH_INFO": path if path.isascii() else path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": f"HTTP/{version}",
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "REMOTE_ADDR": address.strip("[]"),
        "REMOTE_PORT": client_port,
        "wsgi.url_scheme": scheme,
    }
    for name, value in headers:
        if "_" in name:
            continue  # X_Real_IP and X-Real-IP would become the same key
        key = "HTTP_" + name.upper().replace("-", "_")
        if key in environ:
            value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    stream, length = (io.BytesIO(body), len(body)) if type(body) is bytes else (os.fdopen(body[0], "rb"), body[1])
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(length) if length or method in ("POST", "PUT", "PATCH") else ""
    environ["wsgi.input"] = stream
    return environ, stream


class Exchange:
    """A request and the response to it."""

    def __init__(self, channel: socket.socket, request: tuple[Any, ...]) -> None:
        self.channel = channel
        self.on_head: Callable[[], None] = lambda: None  # called once the response has begun
        self.environ, self.body = make_environ(request)
        self.head: tuple[int, frames.Headers] | None = None
        self.head_sent = self.ended = False

    def run(self, application: Application) -> None:
        """Answer the request, whatever the application does."""
        try:
            self._answer(application)
        except ClientGone:
            self._send((frames.END,))
        except Exception:
            logger.exception("the application has failed at %s", self.environ["PATH_INFO"])
            page = (frames.WHOLE, 500, [("content-type", "text/html; charset=utf-8")], ERROR_PAGE)
            if not self.ended:  # else it was close(), and main may have sent the next request
                self._send((frames.BROKEN,) if self.head_sent else page)
        finally:
            self.body.close()

    def start_response(
        self, status: str, headers: frames.Headers, exc_info: ExceptionInfo | None = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None and self.head_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self.head is not None:
            raise AssertionError("start_response was called twice without exc_info")
        self.head = int(status[:3]), list(headers)
        return self.write

    def write(self, data: bytes) -> None:
        """Send a part of the body, preceded by the head if it is the first."""
        if not self.head_sent:
            head = self._require_head()
            self.head_sent = True
            self._send((frames.HEAD, *head))
            self.on_head()
        self._raise_if_gone()
        for start in range(0, 0 if self._is_bodiless() else len(data), frames.CHUNK_SIZE):
            self._send((frames.CHUNK, bytes(data[start : start + frames.CHUNK_SIZE])))

    def _answer(self, application: Application) -> None:
        result = application(self.environ, self.start_response)
        try:
            if type(result) is FileWrapper and not self._is_bodiless() and (path := _whole_file(result)):
                self._send((frames.FILE, *self._require_head(), path))
            else:
                self._send_parts(result)
        finally:
            if hasattr(result, "close"):
                result.close()

    def _send_parts(self, result: Iterable[bytes]) -> None:
        """One frame where the first part is all there is; otherwise each part when it comes."""
        for part in () if self._is_bodiless() else result:
            if self._is_bodiless():  # a generator, which has started its response just now
                break
            if part and not self.head_sent and len(part) <= frames.CHUNK_SIZE and self._is_all(part, result):
                return self._send_whole(part)
            if part:
                self.write(part)
        if not self.head_sent:
            return self._send_whole(b"")
        self._send((frames.END,))

    def _is_bodiless(self) -> bool:
        """Whether the response is known to be a head alone."""
        return self.head is not None and (self.environ["REQUEST_METHOD"] == "HEAD" or self.head[0] in WITHOUT_BODY)

    def _is_all(self, part: bytes, result: Iterable[bytes]) -> bool:
        _, headers = self._require_head()
        declared = next((value for name, value in headers if name.lower() == "content-length"), None)
        return declared == str(len(part)) or (isinstance(result, (list, tuple)) and len(result) == 1)

    def _send_whole(self, body: bytes) -> None:
        self._send((frames.WHOLE, *self._require_head(), body))
        self.head_sent = True

    def _require_head(self) -> tuple[int, frames.Headers]:
        if self.head is None:
            raise AssertionError("the application has answered without calling start_response")
        return self.head

    def _send(self, frame: tuple[Any, ...]) -> None:
        self.channel.sendall(frames.pack(frame))
        self.ended = frame[0] in frames.LAST

    def end(self) -> None:
        """Tell main that this request is over, where the response has not said so."""
        if not self.ended:
            self._send((frames.BROKEN,))

    def client_has_left(self) -> bool:
        """Whether main has said so. Called by the watchdog too, perhaps when the next request is there already."""
        try:
            return self.channel.recv(64, socket.MSG_DONTWAIT | socket.MSG_PEEK) == frames.GONE_FRAME
        except OSError:  # mostly that there is nothing
            return False

    def _raise_if_gone(self) -> None:
        if self.client_has_left():
            raise ClientGone


def _whole_file(wrapper: FileWrapper) -> str:
    """The path of the regular file that the wrapper would send from start to end, or ""."""
    file: Any = wrapper.filelike
    is_whole = isinstance(file, (io.BufferedReader, io.FileIO)) and file.tell() == 0
    return file.name if is_whole and str(file.name).startswith("/") else ""
