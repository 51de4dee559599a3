"""From a request to an enqueued task: what the JSON API and the forms of the page have in common.

Each function stores what the task needs, enqueues it and returns its result. Raises accounts.errors.ApiError.
"""

import re
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.tasks import TaskResult

from accounts.errors import BadRequest
from samples.limits import limits
from samples.tasks import export_orders, parse_document, preview_image, resize_image
from samples.uploads import DOCUMENT_FORMATS, IMAGE_FORMATS, take_file, take_upload


def enqueue_image(request: HttpRequest) -> TaskResult[..., Any]:
    return resize_image.enqueue(take_upload(request, IMAGE_FORMATS))


def enqueue_preview(request: HttpRequest) -> TaskResult[..., Any]:
    return preview_image.enqueue(take_upload(request, IMAGE_FORMATS))


def enqueue_document(request: HttpRequest) -> TaskResult[..., Any]:
    return parse_document.enqueue(take_upload(request, DOCUMENT_FORMATS))


def enqueue_file(upload: UploadedFile[bytes]) -> TaskResult[..., Any]:
    """An image or a document, whichever its content says it is."""
    upload_id, found = take_file(upload, IMAGE_FORMATS + DOCUMENT_FORMATS)
    return (parse_document if found in DOCUMENT_FORMATS else resize_image).enqueue(upload_id)


def enqueue_export(request: HttpRequest) -> TaskResult[..., Any]:
    return export_orders.enqueue(str(uuid4()), _rows(request.POST.get("rows", "")))


def _rows(text: str) -> int:
    most = limits().export_rows
    if not (re.fullmatch("[0-9]{1,9}", text) and 1 <= int(text) <= most):
        raise BadRequest(f"The field “rows” is a whole number from 1 to {most:,}.")
    return int(text)
