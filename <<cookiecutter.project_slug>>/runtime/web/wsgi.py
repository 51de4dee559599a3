"""One request through WSGI (PEP 3333): from a frame to environ, from the application's answer to frames."""

import re
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import lru_cache
from types import TracebackType
from typing import Any

from runtime.interpreter.watchdog import Run
from runtime.shared import frames
from runtime.shared.log import logger
from runtime.shared.proxies import Proxies
from runtime.web import files
from runtime.web.channel import Channel
from runtime.web.environ import Environ, make_environ

type ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType]
type Application = Callable[[Environ, Callable[..., Callable[[bytes], None]]], Iterable[bytes]]

ERROR_PAGE = b"<!doctype html><title>Server Error</title><h1>Server Error (500)</h1>"
WITHOUT_BODY = (204, 304)
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
STATUS = re.compile(r"[2-9][0-9]{2}( .*)?")


class ClientGone(BaseException):
    """Nobody wants the rest of the response: its client has left, or main cut it. No `except Exception` stops it."""


class Exchange:
    """A request and the response to it."""

    def __init__(self, channel: Channel, request: tuple[Any, ...], proxies: Proxies, guard: Run) -> None:
        self.channel, self.guard = channel, guard
        self.environ, self.body = make_environ(request, proxies)
        self.head: tuple[int, frames.Headers] | None = None
        self.head_sent = self.ended = False

    def run(self, application: Application) -> None:
        """Answer the request, also where the application fails."""
        try:
            self._answer(application)
        except ClientGone:
            if not self.ended:  # else it was close()
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
            self.guard.relieve()
        if self.channel.client_has_left():
            self.guard.hold(True)
            raise ClientGone
        for start in range(0, 0 if self.is_bodiless else len(data), frames.CHUNK_SIZE):
            self._send((frames.CHUNK, bytes(data[start : start + frames.CHUNK_SIZE])))

    def _answer(self, application: Application) -> None:
        result = application(self.environ, self.start_response)
        file = None
        try:
            if not (self.head_sent or self.is_bodiless):
                file = files.find_file(result)
            if file is None:
                self._send_parts(result)
        finally:
            if hasattr(result, "close"):
                result.close()
        if file is not None:
            with closing(file):
                self._send_file(file)

    def _send_file(self, file: files.File) -> None:
        """Leave it to Granian, where it is still at its path."""
        head = self._require_head()
        (status, headers), part = files.answer_range(self.environ, head, file.part(head[1]))
        path, first, behind = part
        if first >= behind:
            self.head = status, headers
            return self._send_whole(b"")
        self.head = status, files.with_length(headers, part)
        if file.is_at_its_path():
            return self._send((frames.FILE, *self.head, path, first, behind))
        for chunk in file.read(first, behind):
            self.write(chunk)
        self._send((frames.END,))

    def _send_parts(self, result: Iterable[bytes]) -> None:
        """One frame where the first part is all there is; otherwise each part when it comes."""
        for part in () if self.is_bodiless else result:
            if self.is_bodiless:  # a generator, which has started its response just now
                break
            if part and not self.head_sent and len(part) <= frames.CHUNK_SIZE and self._is_all(part, result):
                return self._send_whole(part)
            if part:
                self.write(part)
        if not self.head_sent:
            return self._send_whole(b"")
        self._send((frames.END,))

    @property
    def is_bodiless(self) -> bool:
        """Whether the response is known to be a head alone."""
        return self.head is not None and (self.environ["REQUEST_METHOD"] == "HEAD" or self.head[0] in WITHOUT_BODY)

    def _is_all(self, part: bytes, result: Iterable[bytes]) -> bool:
        headers, length = self._require_head()[1], str(len(part))
        if ("Content-Length", length) in headers:  # as Django writes it
            return True
        declared = next((value for name, value in headers if name.lower() == "content-length"), None)
        return declared == length or (declared is None and isinstance(result, (list, tuple)) and len(result) == 1)

    def _send_whole(self, body: bytes) -> None:
        self._send((frames.WHOLE, *self._require_head(), bytes(body)))
        self.head_sent = True

    def _require_head(self) -> tuple[int, frames.Headers]:
        if self.head is None:
            raise AssertionError("the application has answered without calling start_response")
        return self.head

    def _send(self, frame: tuple[Any, ...]) -> None:
        if frame[0] not in frames.LAST:
            return self.channel.send(frame)
        self.guard.hold(True)  # in full, and once
        self.channel.send_last(frame)
        self.ended = True
        self.guard.hold(False)

    def end(self) -> None:
        """Tell main that this request is over, where the response has not said so."""
        if not self.ended:
            self._send((frames.BROKEN,))


def checked(headers: frames.Headers) -> frames.Headers:
    """Headers as Granian takes them. It would leave out those that are none; here they are an error.

    Raises ValueError for what could not be told from other headers (CR, LF) or is not allowed in one.
    """
    for name, _ in headers:
        _check_name(name)
    text = "".join([value for _, value in headers])
    if text.isascii() and text.isprintable():
        return list(headers)
    return [(name, _value(value)) for name, value in headers]


@lru_cache(1000)
def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name for a header")


def _value(value: str) -> str:
    """PEP 3333 has bytes as latin-1 here, and Granian sends text as UTF-8: bytes that are UTF-8 arrive as they are."""
    if FORBIDDEN.search(value):
        raise ValueError(f"{value!r} has characters that are not allowed in a header")
    content = value.encode("latin-1")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return value


@lru_cache(100)
def _status(status: str) -> int:
    """Raises ValueError where it is no status of a response."""
    if not STATUS.fullmatch(status):
        raise ValueError(f"{status!r} is not a status")
    return int(status[:3])
