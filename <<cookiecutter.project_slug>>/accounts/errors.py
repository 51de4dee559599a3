"""What the JSON API answers when it refuses a request: `{"error": {"type", "message"}}`.

Raise one of these inside a view decorated with `accounts.access.api_view`. `type` is the name of the class: clients
may rely on it. The message is for people. A page says the same in words (`error_page`).
"""

import errno
import sys
from http import HTTPStatus

from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.template.loader import render_to_string
from django.views.defaults import server_error

from tasks.errors import MemoryQueueFull

NOT_STORED = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}  # the disk is full, or has become read-only
DATABASE_FULL = {"SQLITE_FULL", "53100"}  # SQLite's name, PostgreSQL's code


class ApiError(Exception):
    """A refusal with a status and a message."""

    status = HTTPStatus.BAD_REQUEST
    headers: dict[str, str] = {}

    def response(self) -> JsonResponse:
        body = {"error": {"type": type(self).__name__, "message": str(self)}}
        return JsonResponse(body, status=self.status, headers=self.headers)


class BadRequest(ApiError):
    """The request cannot be understood, or a field is missing or out of bounds."""


class NotAuthenticated(ApiError):
    status = HTTPStatus.UNAUTHORIZED


class CsrfFailed(ApiError):
    status = HTTPStatus.FORBIDDEN


class NotFound(ApiError):
    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(ApiError):
    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, method: str, allowed: list[str]) -> None:
        self.headers = {"Allow": ", ".join(allowed)}
        super().__init__(f"{method} is not allowed here, only {' and '.join(allowed)}.")


class Conflict(ApiError):
    """The thing asked for does not fit the state that the object is in."""

    status = HTTPStatus.CONFLICT


class PayloadTooLarge(ApiError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaType(ApiError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class StorageFull(ApiError):
    """The disk takes no more. 507 and not 503: to wait does not help, somebody has to make room."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"The server cannot store anything right now: {reason}.")


class ServiceUnavailable(ApiError):
    """Not now: the database is locked or away, a queue is full. Clients may try again after `Retry-After` seconds."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers = {"Retry-After": "5"}


def refusal(error: BaseException | None) -> ApiError | None:
    """What an exception means to the client; None for a fault of ours."""
    match error:
        case ApiError():
            return error
        case Http404():
            return NotFound(str(error) or "There is nothing at this address.")
        case MultiPartParserError() | SuspiciousOperation() | UnreadablePostError():
            return BadRequest(f"The request cannot be read: {error}")
        case OperationalError() if _code(error) in DATABASE_FULL:
            return StorageFull("the database has no room left")
        case OperationalError():
            return ServiceUnavailable("The database cannot be reached right now. Try again in a few seconds.")
        case MemoryQueueFull():
            return ServiceUnavailable("The server has too much to do right now. Try again in a few seconds.")
        case OSError() if error.errno in NOT_STORED:
            return StorageFull(error.strerror)
    return None


def _code(error: OperationalError) -> str | None:
    """What the driver calls it."""
    cause = error.__cause__
    code: str | None = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return code


def error_page(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a page that could not be made because of the database or the disk says so."""
    answer = refusal(sys.exception())
    if answer is None:
        return server_error(request)
    page = render_to_string("unavailable.html", {"message": str(answer)})  # without `user`, who is in the database
    return HttpResponse(page, status=answer.status, headers=answer.headers)
