"""Who gets in, and how the JSON API says no."""

import contextlib
import errno
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from accounts.access import api_view, page_login_required
from accounts.errors import BadRequest, Conflict

pytestmark = pytest.mark.django_db

raised: list[Exception] = []


@api_view(methods=["GET", "POST"])
def api(request: HttpRequest) -> HttpResponse:
    if raised:
        raise raised.pop()
    return JsonResponse({"method": request.method, "sent": request.POST.get("sent")})


@page_login_required
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("A page.")


@page_login_required
def token(request: HttpRequest) -> HttpResponse:
    from django.middleware.csrf import get_token

    return HttpResponse(get_token(request))


urlpatterns = [path("api/", api), path("page/", page), path("token/", token)]


@pytest.fixture(autouse=True)
def these_urls(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    settings.LOGIN_URL = "/login/"


@pytest.fixture
def debug(settings: Settings) -> None:
    settings.DEBUG = True


@pytest.fixture
def strict() -> Client:
    return Client(enforce_csrf_checks=True)


def full_database() -> OperationalError:
    """The error of a database that is at its largest."""
    error = OperationalError()
    with contextlib.closing(sqlite3.connect(":memory:")) as database, contextlib.suppress(sqlite3.OperationalError):
        database.execute("PRAGMA max_page_count = 1")
        try:
            database.execute("CREATE TABLE one_more (id)")
        except sqlite3.OperationalError as cause:
            error.__cause__ = cause
    return error


def error_of(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content)["error"]["message"]
    return response.status_code, response.json()["error"]["type"]


@pytest.mark.usefixtures("debug")
def test_in_debug_everybody_gets_in(strict: Client) -> None:
    assert strict.get("/page/").content == b"A page."
    assert strict.post("/api/", {"sent": "this"}).json() == {"method": "POST", "sent": "this"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_in_production_strangers_do_not(strict: Client, method: str) -> None:
    assert error_of(strict.generic(method, "/api/")) == (401, "NotAuthenticated")
    assert strict.get("/page/")["Location"] == "/login/?next=/page/"


def test_in_production_users_do(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    assert client.get("/api/").json()["method"] == "GET"
    assert client.get("/page/").content == b"A page."


def test_an_account_that_was_closed_does_not(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    User.objects.update(is_active=False)
    assert error_of(client.get("/api/")) == (401, "NotAuthenticated")


def test_a_session_needs_the_csrf_token_to_change_something(strict: Client, admin_user: User) -> None:
    strict.force_login(admin_user)
    assert error_of(strict.post("/api/", {"sent": "this"})) == (403, "CsrfFailed")
    csrf_token = strict.get("/token/").content.decode()
    assert error_of(strict.post("/api/", headers={"X-CSRFToken": "x" * 32})) == (403, "CsrfFailed")
    with_header = strict.post("/api/", {"sent": "this"}, headers={"X-CSRFToken": csrf_token})
    assert with_header.json()["sent"] == "this"
    with_field = strict.post("/api/", {"sent": "this", "csrfmiddlewaretoken": csrf_token})
    assert with_field.json()["sent"] == "this"
    assert strict.get("/api/").status_code == 200


def test_a_token_from_another_site_is_refused(strict: Client, admin_user: User) -> None:
    strict.force_login(admin_user)
    csrf_token = strict.get("/token/").content.decode()
    response = strict.post("/api/", headers={"X-CSRFToken": csrf_token, "Origin": "https://elsewhere.example"})
    assert error_of(response) == (403, "CsrfFailed")


@pytest.mark.usefixtures("debug")
def test_other_methods(client: Client) -> None:
    response = client.delete("/api/")
    assert error_of(response) == (405, "MethodNotAllowed")
    assert response["Allow"] == "GET, POST"


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BadRequest("No."), (400, "BadRequest")),
        (SuspiciousOperation("No."), (400, "BadRequest")),
        (Http404("No."), (404, "NotFound")),
        (Http404(), (404, "NotFound")),
        (Conflict("No."), (409, "Conflict")),
        (OperationalError("database is locked"), (503, "ServiceUnavailable")),
        (full_database(), (507, "StorageFull")),
        (OSError(errno.ENOSPC, "No space left on device"), (507, "StorageFull")),
        (OSError(errno.EROFS, "Read-only file system"), (507, "StorageFull")),
    ],
)
def test_what_a_view_raises_to_refuse(client: Client, error: Exception, expected: tuple[int, str]) -> None:
    raised.append(error)
    response = client.get("/api/")
    assert error_of(response) == expected
    assert ("Retry-After" in response) == (expected[0] == 503)


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize("error", [ValueError, OSError, IntegrityError])
def test_faults_are_no_refusals(client: Client, error: Callable[[], Exception]) -> None:
    raised.append(error())
    with pytest.raises(type(error())):
        client.get("/api/")
