"""What reaches an application of what a client has sent (PEP 3333, RFC 9112)."""

import socket

import pytest

from tests.web.raw import Connection, chunked

ECHO = "/probe/echo"


def test_the_environ_of_a_plain_request(client):
    environ = client.get(f"{ECHO}/a?b=c").environ
    port = str(client.socket.getpeername()[1])

    expected = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": f"{ECHO}/a", "QUERY_STRING": "b=c", "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": port, "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": str(client.socket.getsockname()[1]), "wsgi.url_scheme": "http",
        "HTTP_HOST": "localhost",
    }  # fmt: skip
    assert environ == expected


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_methods(client, method):
    assert client.get(ECHO, method=method).environ["REQUEST_METHOD"] == method


def test_a_method_that_nobody_knows_reaches_django(client):
    assert client.get("/test/echo", method="BREW").json()["method"] == "BREW"


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("/a%20b", b"/a b"),
        ("/%2Fa%2fb", b"//a/b"),
        ("/stra%C3%9Fe/%E6%97%A5", "/straße/日".encode()),
        ("/a//b/../c/./d", b"/a//b/../c/./d"),
        ("/;p=1,2@:!$&'()*+=~", b"/;p=1,2@:!$&'()*+=~"),
        ("/%25%3F%23", b"/%?#"),
        ("/100%", b"/100%"),
        ("/%00", b"/\x00"),
    ],
)
def test_paths_arrive_decoded_once_and_untouched_otherwise(client, sent, path):
    assert client.get(ECHO + sent).environ["PATH_INFO"].encode("latin-1") == ECHO.encode() + path


@pytest.mark.parametrize("sent", ["/%FF", "/caf%E9", "/%C3"])
def test_a_path_that_is_not_utf8_is_refused(client, sent):
    assert client.get(ECHO + sent).status == 400


@pytest.mark.parametrize("query", ["", "?", "?a=1&a=2", "?%FF%00", "?a=b?c=d", "?q=" + "x" * 60000])
def test_queries_arrive_as_they_are(client, query):
    assert client.get(ECHO + query).environ["QUERY_STRING"] == query[1:]


def test_a_target_that_is_too_long_is_refused(client):
    assert client.get(ECHO + "?" + "x" * 70000).status in (414, 431)


@pytest.mark.parametrize(("number", "size"), [(60, 4000), (90, 4000), (101, 1)])
def test_a_head_that_is_too_large_is_refused(client, number, size):
    assert client.get(ECHO, *(f"X-{each}: {'y' * size}" for each in range(number))).status == 431


def test_headers_arrive_joined_in_their_order(client):
    environ = client.get(ECHO, "X-One: 1", "x-oNE:2  ", "X-One:", "Cookie: a=1", "Cookie: b=2").environ

    assert environ["HTTP_X_ONE"] == "1,2,"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_a_header_with_an_underscore_cannot_pose_as_another(client):
    environ = client.get(ECHO, "X_Real_IP: 1.2.3.4", "Content_Length: 5").environ

    assert not {"HTTP_X_REAL_IP", "HTTP_CONTENT_LENGTH"} & set(environ)


@pytest.mark.parametrize("value", ["é".encode(), b"\xe9", "日本".encode()])
def test_a_header_that_is_not_ascii_is_refused_and_not_left_out(client, value):
    answer = client.get(ECHO, b"X-Name: " + value)

    assert (answer.status, answer.json()["error"]["type"]) == (400, "BadRequest")


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", ""])
def test_the_content_type_has_a_key_of_its_own(client, content_type):
    environ = client.get(ECHO, f"Content-Type: {content_type}", method="POST", body=b"x").environ

    assert environ["CONTENT_TYPE"] == content_type
    assert "HTTP_CONTENT_TYPE" not in environ


def test_the_host_of_a_whole_url_is_the_one_that_counts(client):
    client.send(f"GET http://example.com:81{ECHO}?a=1 HTTP/1.1", "Host: localhost")
    environ = client.answer().environ

    assert (environ["HTTP_HOST"], environ["PATH_INFO"]) == ("example.com:81", ECHO)
    assert environ["QUERY_STRING"] == "a=1"


def test_http_1_0_is_answered_and_closed(client):
    client.send(f"GET {ECHO} HTTP/1.0")
    answer = client.answer()

    assert answer.environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert client.is_closed()


def test_http_1_0_gets_a_stream_without_chunks(client):
    client.send("GET /probe/generator HTTP/1.0")
    answer = client.answer()

    assert (answer.get("transfer-encoding"), answer.body) == (None, b"0 1 2 3 4 ")


def test_a_connection_is_used_again_until_the_client_asks_for_its_end(client):
    bodies = [client.get("/probe/several").body for _ in range(3)]
    last = client.get("/probe/several", "Connection: close")

    assert [*bodies, last.body] == [b"one two three"] * 4
    assert client.is_closed()


def test_requests_in_a_pipeline_are_answered_in_their_order(client):
    for number in range(10):
        client.send(f"GET {ECHO}?{number} HTTP/1.1", "Host: localhost")

    assert [client.answer().environ["QUERY_STRING"] for _ in range(10)] == [str(number) for number in range(10)]


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1000000])
@pytest.mark.parametrize("framing", ["declared", "chunked"])
def test_bodies_arrive_as_they_were_sent(client, size, framing):
    content = bytes(number % 251 for number in range(size))
    if framing == "chunked":
        parts = [content[start : start + 70000] for start in range(0, size, 70000)]
        answer = client.get(ECHO, "Transfer-Encoding: chunked", method="POST", body=chunked(*parts))
    else:
        answer = client.get(ECHO, f"Content-Length: {size}" if not size else "X: 1", method="POST", body=content)

    assert answer.sent_body == content
    assert answer.environ["CONTENT_LENGTH"] == str(size)


def test_chunks_may_have_extensions(client):
    body = b'5;name="value"\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'
    answer = client.get(ECHO, "Transfer-Encoding: chunked", method="POST", body=body)

    assert answer.sent_body == b"hello world"
    assert client.get("/probe/several").status == 200


def test_trailers_are_refused_as_they_look_like_a_body_that_broke_off(client):
    body = b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"

    assert client.get(ECHO, "Transfer-Encoding: chunked", method="POST", body=body).status == 400


def test_a_body_that_comes_byte_by_byte(client):
    client.send(f"POST {ECHO} HTTP/1.1", "Host: localhost", "Content-Length: 5")
    for byte in b"slow!":
        client.socket.sendall(bytes([byte]))

    assert client.answer().sent_body == b"slow!"


def test_the_next_request_follows_a_body_that_nobody_has_read(client):
    first = client.get("/probe/several", method="POST", body=b"x" * 100000)
    second = client.get(ECHO)

    assert (first.body, second.status) == (b"one two three", 200)


@pytest.mark.parametrize(("path", "expected"), [("lines", b"one\n|two\n|three"), ("readlines", b"one\n|two\n|three")])
@pytest.mark.parametrize("padding", [0, 70000], ids=["in memory", "in a file"])
def test_bodies_are_read_in_lines(client, path, expected, padding):
    answer = client.get(f"/probe/{path}", method="POST", body=b"one\ntwo\nthree" + b"x" * padding)

    assert answer.body == expected + b"x" * padding


def test_who_waits_for_a_sign_gets_it(client):
    client.send(f"POST {ECHO} HTTP/1.1", "Host: localhost", "Content-Length: 5", "Expect: 100-continue")
    sign = client.read_line(), client.read_line()
    client.socket.sendall(b"hello")

    assert sign == (b"HTTP/1.1 100 Continue", b"")
    assert client.answer().sent_body == b"hello"


def test_who_would_send_too_much_is_told_before(client):
    client.send(f"POST {ECHO} HTTP/1.1", "Host: localhost", "Content-Length: 999999999", "Expect: 100-continue")

    assert client.answer().status == 413


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / a HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: five\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_harms_nobody(server, client, head):
    client.socket.sendall(head)
    status = client.answer().status

    assert 400 <= status < 500 or status == 505
    with Connection(server) as other:
        assert other.get("/probe/several").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!!!\r\n0\r\n\r\n",
        b"5\r\nhel",
        b"5\r\nhello\r\n",
        b"186a0\r\n" + bytes(100000) + b"\r\n",
    ],
)
def test_chunks_that_break_off_are_refused(client, body):
    client.send(f"POST {ECHO} HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", body=body)
    client.socket.shutdown(socket.SHUT_WR)

    assert client.answer().status == 400


def test_a_length_beside_chunks_is_no_way_to_smuggle_a_request(client):
    smuggled = b"GET /probe/several HTTP/1.1\r\nHost: localhost\r\n\r\n"
    length = f"Content-Length: {5 + len(smuggled)}"
    client.send(f"POST {ECHO} HTTP/1.1", "Transfer-Encoding: chunked", length, body=chunked() + smuggled)

    assert client.answer().sent_body == b""
    assert client.is_closed()
