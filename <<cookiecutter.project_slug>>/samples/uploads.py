"""Taking uploads: small enough, recognised by their content, stored below MEDIA_ROOT before a task hears of them.

The first bytes decide, never the name or the type that the browser sends. Pillow, which knows better, refuses the
interpreters that serve the web; the task asks it later.
"""

from functools import wraps
from uuid import uuid4

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBase

from accounts.access import View
from accounts.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from samples.files import upload_path, written_whole
from samples.limits import limits

IMAGE_FORMATS = ("JPEG", "PNG", "WebP", "GIF", "AVIF")
DOCUMENT_FORMATS = ("PDF",)

MULTIPART_OVERHEAD = 64 * 1024  # boundaries, headers and the other fields of a form
PDF_HEADER_WITHIN = 1024  # readers accept a PDF whose header follows up to 1024 bytes of something else


def recognise(head: bytes) -> str | None:
    """The format that a file's first 1024 bytes announce, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if _is_avif(head):
        return "AVIF"
    return "PDF" if b"%PDF-" in head else None


def _is_avif(head: bytes) -> bool:
    """An ISO media file begins with a box of its brands: size, `ftyp`, major brand, version, compatible brands."""
    size = int.from_bytes(head[:4])
    brands = {head[8:12]} | {head[at : at + 4] for at in range(16, min(size, len(head)), 4)}
    return head[4:8] == b"ftyp" and not brands.isdisjoint({b"avif", b"avis"})


def declared_too_large(request: HttpRequest) -> bool:
    length = request.headers.get("Content-Length", "")
    return length.isdecimal() and int(length) > limits().upload_bytes + MULTIPART_OVERHEAD


def too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"The file is too large: at most {limits().upload_megabytes} MB are accepted.")


def refuse_large_bodies(view: View) -> View:
    """Answer 413 from the request's header, before anything reads its body."""

    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return too_large().response() if declared_too_large(request) else view(request, *args, **kwargs)

    return checked


def take_upload(request: HttpRequest, formats: tuple[str, ...]) -> str:
    """Store the file in the form field `file` and return its id.

    Raises BadRequest, PayloadTooLarge or UnsupportedMediaType.
    """
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        raise BadRequest("There is no file. Send one as multipart/form-data in the field “file”.")
    return take_file(upload, formats)[0]


def take_file(upload: UploadedFile[bytes], formats: tuple[str, ...]) -> tuple[str, str]:
    """Store one uploaded file; its id and its format. Raises as `take_upload` does."""
    found = _check(upload, formats)
    return _store(upload), found


def _check(upload: UploadedFile[bytes], formats: tuple[str, ...]) -> str:
    if not upload.size:
        raise BadRequest("The file is empty.")
    if upload.size > limits().upload_bytes:
        raise too_large()
    found = recognise(upload.read(PDF_HEADER_WITHIN))
    if found not in formats:
        raise UnsupportedMediaType(
            f"The file is {found or 'of an unknown kind'}, going by its content. Accepted here: {', '.join(formats)}."
        )
    return found


def _store(upload: UploadedFile[bytes]) -> str:
    upload_id = str(uuid4())
    path = upload_path(upload_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return upload_id
