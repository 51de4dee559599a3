"""Django as people use it, through the running server; and its own live server and runserver, which are as ever."""

import contextlib
import re
import socket
import subprocess
import sys
import threading
import urllib.request

import httpx
import psycopg
import pytest
from django.contrib.auth.models import User
from django.test import LiveServerTestCase

from tests.server import PATIENCE, PROJECT, environment, manage, running

ONE_THREAD = {"WEB_INTERPRETERS": "1", "WEB_THREADS": "1", "ROLES": "web"}
PASSWORD = "a first password"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), EVERY_MIDDLEWARE="1", **ONE_THREAD) as server:
        person = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        manage(server.data_dir, "createsuperuser", "--noinput", "--username=ada", "--email=a@example.com", **person)
        yield server


@pytest.fixture
def visitor(server):
    """A browser of its own, with nothing in it."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        yield client


def fill_in(visitor, path, follow_redirects=True, **fields):
    """A form as a browser sends it."""
    page = visitor.get(path).text
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    return visitor.post(path, data={"csrfmiddlewaretoken": token} | fields, follow_redirects=follow_redirects)


@pytest.fixture
def ada(visitor):
    fill_in(visitor, "/accounts/login/", username="ada", password=PASSWORD)
    return visitor


def test_a_session_lasts_and_is_ones_own(visitor, server):
    assert [visitor.get("/test/usual/visits").json()["visits"] for _ in range(3)] == [1, 2, 3]
    with httpx.Client(base_url=server.url) as another:
        assert another.get("/test/usual/visits").json() == {"visits": 1}


def test_a_message_is_shown_once_on_the_next_page(visitor):
    assert visitor.get("/test/usual/message", follow_redirects=True).json() == {"messages": ["kept for the next page"]}
    assert visitor.get("/test/usual/messages").json() == {"messages": []}


def test_signing_in_and_out(visitor):
    wrong = fill_in(visitor, "/accounts/login/", username="ada", password="wrong")
    assert (wrong.status_code, "errorlist" in wrong.text) == (200, True)
    assert visitor.get("/test/usual/users").json() == {"users": 1, "user": ""}

    before = visitor.cookies["csrftoken"]
    fill_in(visitor, "/accounts/login/", username="ada", password=PASSWORD)
    assert visitor.get("/test/usual/users").json() == {"users": 1, "user": "ada"}
    assert visitor.cookies["csrftoken"] != before

    visitor.post("/accounts/logout/", headers={"x-csrftoken": visitor.cookies["csrftoken"]})
    assert visitor.get("/test/usual/users").json() == {"users": 1, "user": ""}


def test_the_admin_from_its_login_to_a_change_and_its_message(visitor):
    home = fill_in(visitor, "/admin/login/?next=/admin/", username="ada", password=PASSWORD)
    assert "Site administration" in home.text
    added = fill_in(
        visitor, "/admin/auth/user/add/", username="bob", usable_password="true",
        password1="another password", password2="another password",
    )  # fmt: skip
    assert "was added successfully" in added.text
    assert "bob" in visitor.get("/admin/auth/user/?q=bob").text
    address = re.search(r"/admin/auth/user/(\d+)/", str(added.url))[0]
    assert "successfully" in fill_in(visitor, f"{address}delete/", post="yes").text
    assert "bob" not in visitor.get("/admin/auth/user/").text.split("successfully")[-1]


def test_a_form_without_its_token_is_refused(visitor, ada):
    form = {"title": "a", "csrfmiddlewaretoken": "x" * 32}

    assert visitor.post("/test/usual/upload", data=form).status_code == 403
    assert visitor.post("/test/usual/upload", headers={"x-csrftoken": "wrong"}).status_code == 403
    token = {"x-csrftoken": visitor.cookies["csrftoken"]}
    assert visitor.post("/test/usual/upload", headers=token).status_code == 400
    assert visitor.post("/test/usual/upload", headers=token | {"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_a_form_with_a_file(ada, size):
    """In memory, in memory beyond the bridge's own bound, and in a temporary file of Django's."""
    files = {"files": ("straße.bin", bytes(size))}
    token = {"x-csrftoken": ada.cookies["csrftoken"]}
    answer = ada.post("/test/usual/upload", data={"title": "holiday"}, files=files, headers=token)

    if size:
        assert answer.json() == {"title": "holiday", "name": "straße.bin", "size": size}
    else:
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["files"])


def test_a_stream_of_rows(visitor):
    answer = visitor.get("/test/usual/stream")

    assert answer.text == "ada\n"
    assert answer.headers["content-disposition"] == "attachment"
    assert "content-length" not in answer.headers


def test_async_views(visitor):
    assert visitor.get("/test/usual/users").json()["users"] == 1
    assert visitor.get("/test/usual/async-view").json() == {"first": ["ada"]}


def test_middleware_of_every_kind(visitor):
    for path in ("/test/usual/visits", "/test/usual/users", "/test/usual/stream"):
        assert {"x-sync", "x-async"} <= set(visitor.get(path).headers)


def test_a_connection_to_the_database_is_kept(visitor):
    assert len({visitor.get("/test/usual/connection").json()["connection"] for _ in range(5)}) == 1


def test_a_broken_connection_to_the_database_is_replaced(address, tmp_path):
    with running(tmp_path, DATABASE_URL=address, **ONE_THREAD) as server, psycopg.connect(address) as other:

        def connection():
            return server.client.get("/test/usual/connection").json()["connection"]

        first = connection()
        assert connection() == first
        ended = other.execute("SELECT pg_terminate_backend(%s, 10000)", [first]).fetchone()[0]
        assert ended
        assert connection() != first


class TestDjangosLiveServer(LiveServerTestCase):
    def test_it_serves(self):
        User.objects.create_user("ada")
        with urllib.request.urlopen(f"{self.live_server_url}/accounts/login/") as answer:
            assert b"Sign in" in answer.read()
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@contextlib.contextmanager
def runserver(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    output = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=PROJECT, env=environment(data_dir), stdout=output, stderr=output)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_djangos_runserver(tmp_path):
    manage(tmp_path, "migrate")
    with runserver(tmp_path) as url:
        for _ in range(PATIENCE * 50):
            with contextlib.suppress(httpx.ConnectError):
                page = httpx.get(f"{url}/accounts/login/")
                break
            threading.Event().wait(0.02)
        assert "Sign in" in page.text
        assert "color-scheme" in httpx.get(f"{url}/static/style.css").text
