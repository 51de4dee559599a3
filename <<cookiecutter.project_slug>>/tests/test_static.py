"""Static files in production: main answers them, with exactly what WhiteNoise would say to the same request."""

import signal
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
from django.test import Client

from runtime.http.static import find_static_files
from tests.project import Project
from tests.server import running
from tests.site import gates

PRODUCTION = {"DEBUG": "0", "WEB_INTERPRETERS": "1", "WEB_THREADS": "1", "ROLES": "web"}
OF_THE_SERVER = {"server", "date", "connection"}
CSS, PICTURE = "/static/style.css", "/static/admin/img/search.svg"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project") / "project")


@pytest.fixture(scope="module")
def server(project, tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), project=project.folder, **PRODUCTION) as server:
        yield server


@pytest.fixture
def production(settings, server):
    """Django in this process, with the settings and the static files of the server."""
    settings.DEBUG = settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = False
    settings.STATIC_ROOT = server.data_dir / "static"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "config.static_storage.StaticStorage"}}
    return settings


@pytest.fixture
def same(server, production):
    """Ask both, and compare."""
    django = Client(raise_request_exception=False)

    def ask(path, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        expected = django.generic(method, path, headers=headers)
        usual = {"accept-encoding": "", "user-agent": "", "accept": ""}
        with server.client.stream(method, path, headers=usual | headers) as found:
            content = b"".join(found.iter_raw())
        assert found.status_code == expected.status_code
        assert sent(found.headers) == sent(expected.headers)
        assert content == (b"" if method == "HEAD" else expected.getvalue())
        return found

    return ask


def sent(headers):
    return {
        (name.lower(), value)
        for name, value in headers.items()
        if name.lower() not in OF_THE_SERVER and (name.lower(), value) != ("content-length", "0")
    }


@pytest.mark.parametrize(
    ("encodings", "encoding"),
    [("", None), ("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("*", None), ("identity", None)],
)
def test_the_smallest_variant_that_the_client_takes(same, encodings, encoding):
    answer = same(CSS, accept_encoding=encodings)

    assert answer.status_code == 200
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_file_of_the_project(same, production):
    paths = find_static_files()["files"]
    hashed = [path for path in paths if "immutable" in same(path, accept_encoding="br, gzip").headers["cache-control"]]

    assert len(paths) > 200
    assert any(path.startswith("/static/style.") for path in hashed)
    assert len(hashed) > 100


@pytest.mark.parametrize("path", [CSS, PICTURE])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("encodings", ["", "br"])
def test_what_the_client_has_already(same, path, method, encodings):
    first = same(path, method, accept_encoding=encodings).headers

    assert same(path, method, accept_encoding=encodings, if_none_match=first["etag"]).status_code == 304
    assert same(path, method, if_none_match='"another"').status_code == 200
    assert same(path, method, if_modified_since=first["last-modified"]).status_code == 304
    assert same(path, method, if_modified_since=formatdate(0, usegmt=True)).status_code == 200
    assert same(path, method, if_modified_since="yesterday").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("encodings", ["", "br"])
@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("bytes=0-9", 206), ("bytes=5-", 206), ("bytes=-7", 206), ("bytes=0-99999999", 206), ("bytes=-99999999", 206),
        ("bytes=99999999-", 416), ("bytes=9-5", 416), ("bytes=0-1,5-6", 200), ("pages=1-2", 200), ("bytes=a-b", 200),
    ],
)  # fmt: skip
def test_a_part_of_a_file(same, method, encodings, wanted, status):
    assert same(CSS, method, accept_encoding=encodings, range=wanted).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_reading(same, method):
    assert same(CSS, method).status_code == 405


@pytest.mark.parametrize("path", ["/static/nothing.css", "/static/", "/static/../main.py", "/static/style.css.br"])
def test_what_is_no_static_file(server, path):
    assert server.client.get(path).status_code == 404


def test_no_web_thread_is_asked(server, tmp_path):
    gate = gates.make(tmp_path, "gate")
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(server.client.get, f"/test/wait{gate}")
        gates.wait_for_arrival(gate)
        assert server.client.get(CSS).status_code == 200
        gates.open_gate(gate)
        assert busy.result().status_code == 200


def test_they_are_counted_as_requests(server):
    before = server.metric("web_requests_total", status="200")
    server.client.get(CSS)

    assert server.metric("web_requests_total", status="200") == before + 1


def test_a_reload_shows_the_new_files(server, project):
    project.append("static/style.css", "/* of the new release */")
    server.send(signal.SIGHUP)
    server.wait_for("reloaded")

    assert server.client.get(CSS).text.endswith("/* of the new release */\n")


def test_in_development_the_sources_are_served(settings):
    settings.DEBUG = settings.WHITENOISE_AUTOREFRESH = True

    assert find_static_files().get("files", {}) == {}


@pytest.mark.parametrize("first", ["django.middleware.locale.LocaleMiddleware", "tests.test_static.Guard"])
def test_middleware_before_whitenoise_sees_every_request(production, first):
    production.MIDDLEWARE = [first, *production.MIDDLEWARE]

    assert find_static_files() == {}


def test_without_whitenoise_there_is_nothing_to_answer(production):
    production.MIDDLEWARE = [name for name in production.MIDDLEWARE if "whitenoise" not in name]

    assert find_static_files() == {}


@pytest.mark.parametrize("hosts", [["localhost"], ["example.com"]])
def test_where_http_is_redirected_only_https_is_answered(production, hosts):
    production.SECURE_SSL_REDIRECT, production.ALLOWED_HOSTS = True, hosts

    assert set(find_static_files()["added"]) == {"https"}
