"""X-Forwarded headers: of a proxy in TRUSTED_PROXIES they count, of anybody else they are not there."""

import socket

import pytest

from runtime.shared.proxies import Proxies
from tests.web.raw import Connection

SAID = "X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: https", "X-Forwarded-Host: example.com"


class Proxy(Connection):
    """A client whose address is trusted (conftest.py)."""

    def __init__(self, server):
        super().__init__(server)
        port = self.socket.getpeername()[1]
        self.__exit__()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=("127.0.0.2", 0))
        self.file = self.socket.makefile("rb")


@pytest.fixture
def proxy(server):
    with Proxy(server) as proxy:
        yield proxy


def test_what_a_trusted_proxy_says_counts(proxy):
    environ = proxy.get("/probe/echo", *SAID).environ

    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("203.0.113.5", "https")
    assert environ["HTTP_HOST"] == "example.com"


def test_what_anybody_else_says_is_not_there(client):
    environ = client.get("/probe/echo", *SAID, "X-Forwarded-Port: 1").environ

    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert environ["HTTP_HOST"] == "localhost"
    assert not [name for name in environ if name.startswith("HTTP_X_FORWARDED")]


def test_a_trusted_proxy_that_says_nothing_is_the_client(proxy):
    assert proxy.get("/probe/echo").environ["REMOTE_ADDR"] == "127.0.0.2"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("1.2.3.4, 203.0.113.5", "203.0.113.5"),  # the first one is what the client has made up
        ("1.2.3.4, 203.0.113.5, 10.0.0.7", "203.0.113.5"),
        ("10.0.0.7", "10.0.0.7"),
        ("203.0.113.5:4711", "203.0.113.5"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("1.2.3.4, unknown, 10.0.0.7", "10.0.0.7"),
        ("unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_one_that_is_no_proxy_of_ours(chain, client):
    environ = {"REMOTE_ADDR": "10.0.0.1", "REMOTE_PORT": "1", "HTTP_X_FORWARDED_FOR": chain}
    Proxies(("10.0.0.0/8",)).apply(environ)

    assert environ["REMOTE_ADDR"] == client


@pytest.mark.parametrize(("said", "scheme"), [("https", "https"), ("http, HTTPS", "https"), ("gopher", "http")])
def test_the_scheme_is_one_of_two(said, scheme):
    environ = {"REMOTE_ADDR": "::1", "HTTP_X_FORWARDED_PROTO": said, "wsgi.url_scheme": "http"}
    Proxies(("::1",)).apply(environ)

    assert environ["wsgi.url_scheme"] == scheme
