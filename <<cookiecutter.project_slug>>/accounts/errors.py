"""What the JSON API answers when it refuses a request: `{"error": {"type", "message"}}`.

Raise one of these inside a view decorated with `accounts.access.api_view`. `type` is the name of the class: clients
may rely on it. The message is for people.
"""

import errno
from http import HTTPStatus

from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


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


class ServiceUnavailable(ApiError):
    """Not now: a resource is exhausted or away. Clients may try again after `Retry-After` seconds."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers = {"Retry-After": "5"}


def refusal(error: Exception) -> ApiError | None:
    """What an exception means to the client; None for a fault of ours."""
    match error:
        case ApiError():
            return error
        case Http404():
            return NotFound(str(error) or "There is nothing at this address.")
        case MultiPartParserError() | SuspiciousOperation() | UnreadablePostError():
            return BadRequest(f"The request cannot be read: {error}")
        case OperationalError():
            return ServiceUnavailable("The database cannot be reached right now. Try again in a few seconds.")
        case OSError() if error.errno in DISK_FULL:
            return ServiceUnavailable("There is no room left on the server's disk. Try again later.")
    return None
