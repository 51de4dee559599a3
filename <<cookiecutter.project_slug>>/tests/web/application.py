"""WSGI applications that try what PEP 3333 allows, each at /probe/NAME and within the standard library's validator."""

import base64
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

from config.wsgi import application as django

type Environ = dict[str, Any]
type Start = Callable[..., Callable[[bytes], None]]
type Probe = Callable[[Environ, Start], Iterable[bytes]]

TEXT = [("Content-Type", "text/plain")]
VERBATIM = (
    "answers",
    "files",
    "twice",
    "never",
    "bytes_header",
    "returns_text",
    "sleeps",
)  # the validator would be in the way

closed: list[str] = []  # by whom close() was called
probes: dict[str, Probe] = {}


def application(environ: Environ, start: Start) -> Iterable[bytes]:
    name = environ["PATH_INFO"].removeprefix("/probe/").partition("/")[0]
    if name == environ["PATH_INFO"] or name not in probes:
        return django(environ, start)
    probe = probes[name]
    return probe(environ, start) if name in VERBATIM else validator(probe)(environ, start)  # type: ignore[arg-type]


def probe(function: Probe) -> Probe:
    probes[function.__name__] = function
    return function


class Parts:
    """A body that says when it was closed."""

    def __init__(self, name: str, parts: Iterator[bytes]) -> None:
        self.name, self.parts = name, parts

    def __iter__(self) -> Parts:
        return self

    def __next__(self) -> bytes:
        return next(self.parts)

    def close(self) -> None:
        closed.append(self.name)


@probe
def echo(environ: Environ, start: Start) -> Iterable[bytes]:
    """All that was sent, as JSON: text as PEP 3333 has it, the body in base64."""
    content = b""
    while part := environ["wsgi.input"].read(1000):
        content += part
    seen = {key: value for key, value in environ.items() if isinstance(value, str)}
    body = json.dumps({"environ": seen, "body": base64.b64encode(content).decode()}).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@probe
def lines(environ: Environ, start: Start) -> Iterable[bytes]:
    """The body by readline, and the rest by iteration."""
    stream = environ["wsgi.input"]
    start("200 OK", TEXT)
    return [b"|".join([stream.readline(), *stream])]


@probe
def readlines(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return [b"|".join(environ["wsgi.input"].readlines(100))]


@probe
def several(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return [b"one ", b"", b"two ", b"three"]


@probe
def empty(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return []


@probe
def generator(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    for number in range(5):
        yield f"{number} ".encode()


@probe
def large(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return [bytes(range(256)) * 4000]


@probe
def writes(environ: Environ, start: Start) -> Iterable[bytes]:
    write = start("200 OK", TEXT)
    write(b"written ")
    return [b"returned"]


@probe
def declared(environ: Environ, start: Start) -> Iterable[bytes]:
    """As many bytes as the query says; in parts."""
    start("200 OK", [*TEXT, ("Content-Length", environ["QUERY_STRING"])])
    return Parts("declared", iter([b"x" * 10] * 10))


@probe
def status(environ: Environ, start: Start) -> Iterable[bytes]:
    """The status of the query, with a body that some statuses do not have."""
    code = environ["QUERY_STRING"]
    start(f"{code} As Asked", [] if code in ("204", "304") else TEXT)
    return [b"body"]


@probe
def headers(environ: Environ, start: Start) -> Iterable[bytes]:
    """The headers of the request's body: [[name, value], …]."""
    given = json.loads(environ["wsgi.input"].read(100000))
    start("200 OK", [*TEXT, *((name, value) for name, value in given)])
    return [b"with headers"]


@probe
def answers(environ: Environ, start: Start) -> Iterable[bytes]:
    """The headers and the parts of the request's body, as a list or as a generator."""
    made = json.loads(environ["wsgi.input"].read(1000000))
    parts = [bytes.fromhex(part) for part in made["parts"]]
    start("200 OK", [*TEXT, *((name, value) for name, value in made["headers"])])
    return parts if made["list"] else iter(parts)


@probe
def replaces(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [*TEXT, ("X-Head", "first")])
    try:
        raise ValueError
    except ValueError:
        start("500 Oh", [*TEXT, ("X-Head", "second")], sys.exc_info())
    return [b"sorry"]


@probe
def replaces_late(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)(b"some")
    try:
        raise ValueError("replaced too late")
    except ValueError:
        start("500 Oh", TEXT, sys.exc_info())
    return [b"never"]


@probe
def fails_first(environ: Environ, start: Start) -> Iterable[bytes]:
    raise RuntimeError("before the head")


@probe
def fails_later(environ: Environ, start: Start) -> Iterable[bytes]:
    def parts() -> Iterator[bytes]:
        yield b"some"
        raise RuntimeError("after the head")

    start("200 OK", TEXT)
    return Parts("fails_later", parts())


@probe
def closes(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return Parts("closes", iter([b"one", b"two"]))


@probe
def who_closed(environ: Environ, start: Start) -> Iterable[bytes]:
    names = json.dumps(closed)
    closed.clear()
    start("200 OK", TEXT)
    return [names.encode()]


@probe
def sleeps(environ: Environ, start: Start) -> Iterable[bytes]:
    """A stream that says one thing, and then computes or sleeps in short steps for ever."""

    def parts() -> Iterator[bytes]:
        yield b"first"
        while True:
            time.sleep(0.01)

    content_type = environ["QUERY_STRING"] or "text/plain"
    start("200 OK", [("Content-Type", content_type)])
    return Parts("sleeps", parts())


@probe
def goes_on(environ: Environ, start: Start) -> Iterable[bytes]:
    """A stream of as many megabytes as the query says."""
    part = b"x" * 8000
    start("200 OK", TEXT)
    return Parts("goes_on", (part for _ in range(int(environ["QUERY_STRING"]) * 125)))


@probe
def discards(environ: Environ, start: Start) -> Iterable[bytes]:
    """Reads all and keeps nothing; how much it was."""
    size = 0
    while part := environ["wsgi.input"].read(65536):
        size += len(part)
    start("200 OK", TEXT)
    return [str(size).encode()]


@probe
def files(environ: Environ, start: Start) -> Iterable[bytes]:
    """The file of the query, from its start; below /probe/files/3 from its fourth byte."""
    path = Path(environ["QUERY_STRING"])
    file = path.open("rb")
    file.seek(int(environ["PATH_INFO"].removeprefix("/probe/files/") or 0))
    start("200 OK", [*TEXT, ("ETag", '"1"'), ("Last-Modified", "Sat, 21 Nov 2026 00:00:00 GMT")])
    return environ["wsgi.file_wrapper"](file)  # type: ignore[no-any-return]


@probe
def twice(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    start("200 OK", TEXT)
    return [b"never"]


@probe
def never(environ: Environ, start: Start) -> Iterable[bytes]:
    return [b"never"]


@probe
def bytes_header(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [("X-Bytes", b"never")])
    return [b"never"]


@probe
def returns_text(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return ["never"]  # type: ignore[list-item]
