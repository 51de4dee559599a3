"""Serving results: only what lies below MEDIA_ROOT under a suffix we write ourselves, with a type of our own choice."""

from pathlib import Path
from typing import NamedTuple

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from accounts.access import page_login_required
from samples.files import media_root


class Served(NamedTuple):
    content_type: str
    as_attachment: bool = False


SERVED = {
    ".jpg": Served("image/jpeg"),
    ".png": Served("image/png"),
    ".webp": Served("image/webp"),
    ".avif": Served("image/avif"),
    ".txt": Served("text/plain; charset=utf-8", as_attachment=True),
    ".csv": Served("text/csv; charset=utf-8", as_attachment=True),
}

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=31536000, immutable",  # a result's address is random and its content final
}


@require_safe
@page_login_required
def media(request: HttpRequest, path: str) -> FileResponse:
    served = SERVED.get(Path(path).suffix)
    if served is None:
        raise Http404
    file = _below_media_root(path).open("rb")
    return FileResponse(file, content_type=served.content_type, as_attachment=served.as_attachment, headers=HEADERS)


def _below_media_root(path: str) -> Path:
    root = media_root().resolve()
    try:
        found = (root / path).resolve(strict=True)
    except (OSError, ValueError) as error:  # missing, too long, a loop of links, a NUL in the name
        raise Http404 from error
    if not found.is_relative_to(root) or not found.is_file():
        raise Http404
    return found
