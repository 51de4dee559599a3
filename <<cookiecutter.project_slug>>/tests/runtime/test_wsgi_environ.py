"""The environ of PEP 3333, made of a request frame."""

import os

import pytest

from runtime.shared.proxies import Proxies
from runtime.web.environ import make_environ
from tests.runtime.make import make_request


def environ_of(**fields):
    environ, body = make_environ(make_request(**fields), Proxies())
    body.close()
    return environ


def test_the_request_line_and_the_addresses():
    environ = environ_of(
        method="PUT", path="/a/b", query="x=1&y", version="2", scheme="https",
        client="10.0.0.5:4711", server="127.0.0.1:8000",
    )  # fmt: skip

    expected = {
        "REQUEST_METHOD": "PUT", "SCRIPT_NAME": "", "PATH_INFO": "/a/b", "QUERY_STRING": "x=1&y",
        "SERVER_PROTOCOL": "HTTP/2.0", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000",
        "REMOTE_ADDR": "10.0.0.5", "REMOTE_PORT": "4711", "wsgi.url_scheme": "https",
    }  # fmt: skip
    assert expected.items() <= environ.items()


def test_a_query_that_is_not_escaped_has_its_bytes():
    assert environ_of(query="q=日")["QUERY_STRING"].encode("latin-1").decode() == "q=日"


def test_the_application_is_told_that_threads_and_interpreters_answer_side_by_side():
    environ = environ_of()
    names = ("version", "multithread", "multiprocess", "run_once", "input_terminated")

    assert [environ[f"wsgi.{name}"] for name in names] == [(1, 0), True, True, False, True]


def test_an_ipv4_client_of_a_socket_of_both_families_has_its_own_address():
    environ = environ_of(client="[::ffff:10.0.0.5]:4711")

    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("10.0.0.5", "4711")


def test_the_address_of_an_ipv6_client_has_no_brackets():
    environ = environ_of(client="[::1]:4711", server="[::1]:8000")

    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("::1", "4711")


@pytest.mark.parametrize("path", ["/straße/", "/日本", "/a b", "/%2f", "/\N{PILE OF POO}"])
def test_a_path_comes_as_bytes_in_latin_1(path):
    assert environ_of(path=path)["PATH_INFO"].encode("latin-1").decode() == path


def test_headers_become_variables():
    environ = environ_of(headers=[("host", "example.com"), ("x-request-id", "5"), ("content-type", "text/plain")])

    assert (environ["HTTP_HOST"], environ["HTTP_X_REQUEST_ID"]) == ("example.com", "5")
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert "HTTP_CONTENT_TYPE" not in environ


def test_a_header_that_comes_twice_is_joined_and_cookies_are_joined_as_cookies():
    headers = [("accept", "text/html"), ("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2")]
    environ = environ_of(headers=headers)

    assert environ["HTTP_ACCEPT"] == "text/html,*/*"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_a_header_with_an_underscore_cannot_pose_as_another():
    environ = environ_of(headers=[("x_forwarded_for", "1.2.3.4"), ("content_length", "7"), ("remote_user", "root")])

    assert not [name for name in environ if name.startswith("HTTP_")]
    assert environ["CONTENT_LENGTH"] == ""


def test_a_header_cannot_change_a_variable_of_the_server():
    environ = environ_of(headers=[("remote-addr", "1.2.3.4"), ("wsgi.input", "x"), ("path-info", "/admin/")])

    assert (environ["REMOTE_ADDR"], environ["PATH_INFO"]) == ("127.0.0.1", "/")
    assert environ["wsgi.input"] != "x"


def test_two_requests_share_nothing_that_the_application_may_change():
    first = environ_of()
    first["changed"] = True

    assert "changed" not in environ_of()


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("GET", b"", ""), ("POST", b"", "0"), ("PUT", b"abc", "3"), ("DELETE", b"abc", "3"), ("DELETE", b"", "")],
)
def test_the_length_is_that_of_what_has_come(method, body, length):
    headers = [("content-length", "999")]

    assert environ_of(method=method, body=body, headers=headers)["CONTENT_LENGTH"] == length


def test_a_body_is_read_from_bytes():
    environ, body = make_environ(make_request(method="POST", body=b"one\ntwo\n"), Proxies())

    assert environ["wsgi.input"].readline() == b"one\n"
    assert environ["wsgi.input"].read() == b"two\n"
    body.close()


def test_a_body_is_read_from_a_descriptor_which_is_closed_with_it(tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(b"x" * 100000)
    descriptor = os.open(path, os.O_RDONLY)
    environ, body = make_environ(make_request(method="POST", body=(descriptor, 100000)), Proxies())

    assert environ["CONTENT_LENGTH"] == "100000"
    assert environ["wsgi.input"].read() == b"x" * 100000
    body.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
