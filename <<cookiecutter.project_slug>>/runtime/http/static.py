"""Static files, answered by main: WhiteNoise knows what to send, Granian sends the file, and no web thread is asked.

The boot interpreter lets WhiteNoise look through STATIC_ROOT and hands over what it has found: for each path the
headers, the compressed variants, and what a conditional or partial request gets. So the answers are WhiteNoise's own.
It stays in MIDDLEWARE: for other servers, for development, and for every request that is not answered here.
"""

import io
import re
from http import HTTPStatus
from typing import Any

from whitenoise.responders import Response, StaticFile

from runtime.shared.frames import Headers
from runtime.shared.proxies import PROTO, Proxies, address_of

WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
# What may stand before WhiteNoise: middleware that adds the same headers to every answer. Another one may have its
# reasons to see each request for a file.
ONLY_HEADERS = {
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
}
ASKED = {
    "HTTP_ACCEPT_ENCODING": "accept-encoding",
    "HTTP_IF_NONE_MATCH": "if-none-match",
    "HTTP_IF_MODIFIED_SINCE": "if-modified-since",
    "HTTP_RANGE": "range",
}


class StaticFiles:
    """Main's table of them."""

    def __init__(self) -> None:
        self.files: dict[str, StaticFile] = {}  # by path
        self.added: dict[str, Headers] = {}  # by scheme: the headers of the middleware before WhiteNoise
        self.proxies = Proxies()

    def take(self, found: dict[str, Any]) -> None:
        """Answer from now on what `find_static_files` has found."""
        self.files, self.added = found.get("files", {}), found.get("added", {})
        self.proxies = Proxies(found.get("proxies", ()))

    def answer(self, path: str, scope: Any, proto: Any) -> int:
        """Answer the request if it is for a static file; the status that was sent, or 0."""
        file = self.files.get(path)
        if file is None or scope.method not in ("GET", "HEAD"):
            return 0
        headers = scope.headers
        added = self.added.get(self._scheme(scope, headers))
        if added is None:
            return 0
        asked = {key: ",".join(values) for key, name in ASKED.items() if (values := headers.get_all(name))}
        on_disk = "" if scope.method == "HEAD" else file.get_path_and_headers(asked)[0]
        return _send(proto, file.get_response("HEAD", asked), added, on_disk)  # as for HEAD, it opens no file

    def _scheme(self, scope: Any, headers: Any) -> str:
        """The client's, as Django will see it."""
        forwarded = headers.get_all("x-forwarded-proto")
        if not forwarded:
            return str(scope.scheme)
        environ = {"REMOTE_ADDR": address_of(scope.client), "wsgi.url_scheme": scope.scheme, PROTO: ",".join(forwarded)}
        self.proxies.apply(environ)
        return str(environ["wsgi.url_scheme"])


def _send(proto: Any, response: Response, added: Headers, path: str = "") -> int:
    """Send a response of WhiteNoise's, with the file at `path` or the part of it that the response is."""
    status, headers = int(response.status), [*response.headers, *added]
    if status == HTTPStatus.PARTIAL_CONTENT and path:
        start, end = re.findall(r"\d+", dict(headers)["Content-Range"])[:2]
        proto.response_file_range(status, headers, path, int(start), int(end) + 1)
    elif status == HTTPStatus.OK and path:
        proto.response_file(status, headers, path)
    else:
        proto.response_empty(status, headers)
    return status


def find_static_files() -> dict[str, Any]:
    """In the boot interpreter: what main answers by itself. Nothing in development, or where WhiteNoise is not used."""
    from django.conf import settings
    from whitenoise.middleware import WhiteNoiseMiddleware

    names = list(settings.MIDDLEWARE)
    before = names[: names.index(WHITENOISE)] if WHITENOISE in names else names
    if before == names or not set(before) <= ONLY_HEADERS:
        return {}
    found = WhiteNoiseMiddleware(lambda request: None).files  # none where it looks at the sources (development)
    files = {path: file for path, file in found.items() if isinstance(file, StaticFile)}
    added = {scheme: headers for scheme in ("http", "https") if (headers := _headers_of(before, scheme)) is not None}
    return {"files": files, "added": added, "proxies": settings.TRUSTED_PROXIES}


def _headers_of(middleware: list[str], scheme: str) -> Headers | None:
    """What these add to an answer; None where they answer themselves (SECURE_SSL_REDIRECT)."""
    from django.core.exceptions import DisallowedHost
    from django.core.handlers.wsgi import WSGIRequest
    from django.http import HttpResponse
    from django.utils.module_loading import import_string

    layer: Any = lambda request: HttpResponse()  # noqa: E731
    for name in reversed(middleware):
        layer = import_string(name)(layer)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    try:
        response = layer(WSGIRequest(environ | {"wsgi.url_scheme": scheme, "wsgi.input": io.BytesIO()}))
    except DisallowedHost:  # to redirect, they look where to
        return None
    if response.status_code != 200:
        return None
    return [(name, value) for name, value in response.items() if name != "Content-Type"]
