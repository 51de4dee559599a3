"""What a server in production promises without any setting: headers, cookies, hosts, secrets."""

import re
from html.parser import HTMLParser
from http.cookies import SimpleCookie

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tasks.testing import run_pending
from tests.server import manage, run_main, running
from tests.tasks.sample_tasks import fail_with_an_error_inside

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "", "DJANGO_SETTINGS_MODULE": "config.settings"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    variables = PRODUCTION | {"ROLES": "web", "WEB_INTERPRETERS": "1", "TRUSTED_PROXIES": "127.0.0.1"}
    with running(tmp_path_factory.mktemp("data"), **variables) as server:
        yield server


def test_djangos_own_checks_for_a_deployment_have_nothing_to_say(tmp_path):
    manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)


@pytest.mark.parametrize("path", ["/accounts/login/", "/nothing", "/admin/login/"])
def test_headers_of_every_page(server, path):
    headers = server.client.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/accounts/login/", "/static/style.css"])
def test_hsts_where_the_request_came_by_tls(server, path):
    assert "strict-transport-security" not in server.client.get(path).headers
    by_tls = server.client.get(path, headers={"x-forwarded-proto": "https"})
    assert by_tls.headers["strict-transport-security"] == "max-age=31536000"


def test_cookies_are_for_tls_alone(server):
    (cookie,) = SimpleCookie(server.client.get("/accounts/login/").headers["set-cookie"]).values()

    assert (cookie.key, cookie["secure"], cookie["samesite"]) == ("csrftoken", True, "Lax")


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "localhost@example.com", "[::2]", "10.0.0.1"])
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/api/tasks/1/"])
def test_only_the_hosts_that_are_allowed(server, path, host):
    answer = server.client.get(path, headers={"host": host})

    assert answer.status_code == 400
    assert host not in answer.text


def test_nor_one_that_a_proxy_forwards(server):
    assert server.client.get("/accounts/login/", headers={"x-forwarded-host": "example.com"}).status_code == 400
    assert server.client.get("/accounts/login/", headers={"x-forwarded-host": "localhost"}).status_code == 200


def test_an_error_tells_nothing_of_the_code(server):
    page = server.client.get("/nothing").text

    assert "urlpatterns" not in page
    assert "DEBUG" not in page


@pytest.mark.parametrize("key", ["k3J9x" * 9, "a" * 60, "django-insecure-" + "k3J9x" * 10, "change-me" + "k3J9x" * 10])
def test_a_weak_secret_does_not_start(tmp_path, key):
    result = run_main(tmp_path, **PRODUCTION | {"SECRET_KEY": key})

    assert result.returncode == 1
    assert result.stderr.startswith("SECRET_KEY=(not shown): allowed is a random text of 50 characters or more")
    assert key not in result.stderr


class Inline(HTMLParser):
    """Collects what the policy would not let the browser do."""

    def __init__(self, page, nonce):
        super().__init__()
        self.nonce, self.found = nonce, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        is_inline = tag in ("script", "style") and "src" not in given and given.get("type") != "application/json"
        if is_inline and not (self.nonce and given.get("nonce") == self.nonce):
            self.found.append((tag, attrs))
        for name, value in attrs:
            if name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found.append((tag, name, value))


def inline(response):
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search("'nonce-([^']+)'", policy)
    return Inline(response.content.decode(), nonce and nonce[1]).found


@pytest.fixture
def staff(client: Client, admin_user: User):
    client.force_login(admin_user)
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/", "/accounts/password/", "/admin/", "/admin/auth/user/", "/admin/auth/user/add/", "/admin/password_change/",
        "/admin/tasks/taskrecord/", "/admin/tasks/taskrecord/?q=1", "/admin/tasks/schedule/",
        "/admin/tasks/batchrecord/", "/admin/tasks/pausedqueue/",
    ],
)  # fmt: skip
def test_no_page_needs_what_the_policy_forbids(staff, path):
    response = staff.get(path)

    assert response.status_code == 200
    assert inline(response) == []


def test_nor_does_that_of_a_task_which_has_failed(staff):
    result = fail_with_an_error_inside.enqueue()
    run_pending()
    response = staff.get(f"/admin/tasks/taskrecord/{result.id}/change/")

    assert "Variable" in response.content.decode()
    assert inline(response) == []


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/accounts/password/"])
@pytest.mark.django_db
def test_nor_does_one_before_the_login(client, path):
    assert inline(client.get(path)) == []
