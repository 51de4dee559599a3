"""The environ of a request (PEP 3333), from its frame."""

import io
import os
import sys
from functools import lru_cache
from typing import Any, BinaryIO
from wsgiref.util import FileWrapper

from runtime.shared.proxies import Proxies, address_of

type Environ = dict[str, Any]

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
PROTOCOLS = {"1": "HTTP/1.0", "1.1": "HTTP/1.1", "2": "HTTP/2.0"}  # by RSGI's names


def make_environ(request: tuple[Any, ...], proxies: Proxies) -> tuple[Environ, BinaryIO]:
    """The environ of a request frame, and the body, which the caller closes."""
    _, method, path, query, version, scheme, client, server, headers, body = request
    name, _, port = server.rpartition(":")
    environ = BASE_ENVIRON | {
        "REQUEST_METHOD": method,
        "PATH_INFO": _as_latin_1(path),
        "QUERY_STRING": _as_latin_1(query),
        "SERVER_PROTOCOL": PROTOCOLS[version],
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "REMOTE_ADDR": address_of(client),
        "REMOTE_PORT": client.rpartition(":")[2],
        "wsgi.url_scheme": scheme,
    }
    for name, value in headers:
        if "_" in name:
            continue  # X_Real_IP and X-Real-IP would become the same key
        key = _key(name)
        if key in environ:
            value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    proxies.apply(environ)
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    stream, length = (io.BytesIO(body), len(body)) if type(body) is bytes else (os.fdopen(body[0], "rb"), body[1])
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(length) if length or method in ("POST", "PUT", "PATCH") else ""
    environ["wsgi.input"] = stream
    return environ, stream


def _as_latin_1(text: str) -> str:
    """Bytes, as PEP 3333 has them."""
    return text if text.isascii() else text.encode().decode("latin-1")


@lru_cache(1000)
def _key(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")
