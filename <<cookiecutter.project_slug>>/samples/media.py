"""Serving results: only what lies below MEDIA_ROOT under a suffix we write ourselves, as what its content is.

Whatever got there under such a name, no browser runs it: an image is sent with the type that its first bytes announce,
everything else as a download.
"""

from pathlib import Path
from typing import IO

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from accounts.access import page_login_required
from samples.files import media_root
from samples.uploads import recognise

SERVED = {".jpg", ".png", ".webp", ".avif", ".txt", ".csv"}
IMAGES = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "AVIF": "image/avif"}  # by what is recognised
TEXTS = {".txt": "text/plain; charset=utf-8", ".csv": "text/csv; charset=utf-8"}
UNKNOWN = "application/octet-stream"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=31536000, immutable",  # a result's address is random and its content final
}


@require_safe
@page_login_required
def media(request: HttpRequest, path: str) -> FileResponse:
    suffix = Path(path).suffix
    if suffix not in SERVED:
        raise Http404
    file = _below_media_root(path).open("rb")
    image = IMAGES.get(_format_of(file))
    content_type = image or TEXTS.get(suffix, UNKNOWN)
    return FileResponse(file, content_type=content_type, as_attachment=not image, headers=HEADERS)


def _format_of(file: IO[bytes]) -> str:
    head = file.read(1024)
    file.seek(0)
    return recognise(head) or ""


def _below_media_root(path: str) -> Path:
    root = media_root().resolve()
    try:
        found = (root / path).resolve(strict=True)
    except (OSError, ValueError) as error:  # missing, too long, a loop of links, a NUL in the name
        raise Http404 from error
    if not found.is_relative_to(root) or not found.is_file():
        raise Http404
    return found
