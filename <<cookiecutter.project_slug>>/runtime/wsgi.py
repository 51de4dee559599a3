"""One request through WSGI (PEP 3333): from a frame to environ, from the application's answer to frames."""

import logging
import re
import socket
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any
from wsgiref.util import FileWrapper

from runtime import files, frames
from runtime.environ import Environ, make_environ
from runtime.proxies import NONE, Proxies

logger = logging.getLogger("server")

type ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType]
type Application = Callable[[Environ, Callable[..., Callable[[bytes], None]]], Iterable[bytes]]

ERROR_PAGE = b"<!doctype html><title>Server Error</title><h1>Server Error (500)</h1>"
WITHOUT_BODY = (204, 304)
MOST_NAMES = 1000
known_names: set[str] = set()  # of headers
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
STATUS = re.compile(r"[2-9][0-9]{2}( .*)?")


class ClientGone(BaseException):
    """The client has left while its response was being sent. No `except Exception` of a generator goes on after it."""


class Exchange:
    """A request and the response to it."""

    def __init__(self, channel: socket.socket, request: tuple[Any, ...], proxies: Proxies = NONE) -> None:
        self.channel = channel
        self.on_head: Callable[[], None] = lambda: None  # called once the response has begun
        self.hold: Callable[[bool], None] = lambda held: None  # while it is held, nothing is raised in this thread
        self.environ, self.body = make_environ(request, proxies)
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
        self.head = _status(status), checked(headers)
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
            if not (type(result) is FileWrapper and self._send_file(result)):
                self._send_parts(result)
        finally:
            if hasattr(result, "close"):
                result.close()

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Leave it to Granian to send a file; False where it cannot."""
        head = self._require_head()
        part = files.find_part(wrapper, head[1])
        if part is None or self.head_sent or self._is_bodiless():
            return False
        self.head, part = files.answer_range(self.environ, head, part)
        if part[1] < part[2]:
            self._send((frames.FILE, self.head[0], files.with_length(self.head[1], part), *part))
            self.head_sent = True
        else:
            self._send_whole(b"")
        return True

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
        self._send((frames.WHOLE, *self._require_head(), bytes(body)))
        self.head_sent = True

    def _require_head(self) -> tuple[int, frames.Headers]:
        if self.head is None:
            raise AssertionError("the application has answered without calling start_response")
        return self.head

    def _send(self, frame: tuple[Any, ...]) -> None:
        is_last = frame[0] in frames.LAST
        if is_last:  # sent once: a second one would end the next request
            self.hold(True)
        self.channel.sendall(frames.pack(frame))
        if is_last:
            self.ended = True
            self.hold(False)

    def end(self) -> None:
        """Tell main that this request is over, where the response has not said so."""
        if not self.ended:
            self._send((frames.BROKEN,))

    def _raise_if_gone(self) -> None:
        if client_has_left(self.channel):
            self.hold(True)
            raise ClientGone


def client_has_left(channel: socket.socket) -> bool:
    """Whether main has said so. Called by the watchdog too, perhaps when the next request is there already.

    It knows nothing of the exchange: a reference from there would leave each request to the garbage collector.
    """
    try:
        return channel.recv(64, socket.MSG_DONTWAIT | socket.MSG_PEEK) == frames.GONE_FRAME
    except OSError:  # mostly that there is nothing
        return False


def checked(headers: frames.Headers) -> frames.Headers:
    """Headers as Granian takes them. It would leave out those that are none; here they are an error.

    Raises ValueError for what could not be told from other headers (CR, LF) or is not allowed in one.
    """
    for name, _ in headers:
        if name not in known_names:
            _learn(name)
    text = "".join([value for _, value in headers])
    if text.isascii() and text.isprintable():
        return list(headers)
    return [(name, _value(value)) for name, value in headers]


def _learn(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name for a header")
    if len(known_names) < MOST_NAMES:
        known_names.add(name)


def _value(value: str) -> str:
    """PEP 3333 has bytes as latin-1 here, and Granian sends text as UTF-8: bytes that are UTF-8 arrive as they are."""
    if FORBIDDEN.search(value):
        raise ValueError(f"{value!r} has characters that are not allowed in a header")
    content = value.encode("latin-1")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return value


def _status(status: str) -> int:
    """Raises ValueError where it is no status of a response."""
    if not STATUS.fullmatch(status):
        raise ValueError(f"{status!r} is not a status")
    return int(status[:3])
