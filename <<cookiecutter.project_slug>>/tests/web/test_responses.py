"""What an application may answer (PEP 3333), and what of it the client gets."""

import json

import pytest

from tests.web.raw import Connection

UTF8 = "é日".encode().decode("latin-1")  # as PEP 3333 has bytes in text


def closed_by(server):
    with Connection(server) as other:
        return other.get("/probe/who_closed").json()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("several", b"one two three"),
        ("empty", b""),
        ("generator", b"0 1 2 3 4 "),
        ("large", bytes(range(256)) * 4000),
        ("writes", b"written returned"),
        ("closes", b"onetwo"),
        ("declared?100", b"x" * 100),
    ],
)
def test_bodies_arrive_whole_and_the_connection_goes_on(client, path, body):
    first, second = client.get(f"/probe/{path}"), client.get(f"/probe/{path}")

    assert (first.body, first.is_whole) == (second.body, second.is_whole) == (body, True)


@pytest.mark.parametrize("path", ["several", "empty", "generator", "large", "writes", "declared?100", "status?404"])
def test_head_has_the_status_and_headers_of_get_and_no_body(client, path):
    head = client.get(f"/probe/{path}", method="HEAD")
    get = client.get(f"/probe/{path}")

    assert head.line == get.line
    assert head.get("content-type") == get.get("content-type")
    assert head.get("content-length") in (None, get.get("content-length"))


def test_the_length_that_head_declares_is_the_one_of_get(client):
    assert client.get("/probe/declared?100", method="HEAD").get("content-length") == "100"
    assert client.get("/probe/several").status == 200


@pytest.mark.parametrize("code", [204, 304])
def test_some_statuses_have_no_body_and_no_length(client, code):
    answer = client.get(f"/probe/status?{code}")

    assert (answer.status, answer.get("content-length"), answer.get("transfer-encoding")) == (code, None, None)
    assert client.get("/probe/several").body == b"one two three"


@pytest.mark.parametrize("code", [200, 201, 206, 301, 400, 404, 418, 500, 503, 599])
def test_other_statuses_have_theirs(client, code):
    answer = client.get(f"/probe/status?{code}")

    assert (answer.status, answer.body) == (code, b"body")


@pytest.mark.parametrize("status", ["100", "099", "2000", "abc", ""])
def test_what_is_no_status_of_a_response_is_an_error_of_the_application(client, status):
    assert client.get(f"/probe/status?{status}").status == 500
    assert client.get("/probe/several").status == 200


def test_headers_arrive_in_their_order_and_number(client):
    given = [["Set-Cookie", "a=1"], ["X-One", "1"], ["Set-Cookie", "b=2; Path=/"], ["x-one", "2"], ["X-Empty", ""]]
    answer = client.get("/probe/headers", method="POST", body=json.dumps(given).encode())

    assert answer.all("set-cookie") == ["a=1", "b=2; Path=/"]
    assert answer.all("x-one") == ["1", "2"]
    assert answer.all("x-empty") == [""]


@pytest.mark.parametrize(("value", "sent"), [(UTF8, UTF8), ("\xe9", "\xc3\xa9")])
def test_headers_may_have_more_than_ascii(client, value, sent):
    """Bytes that are UTF-8 arrive as they are; latin-1, which Granian cannot send, arrives as UTF-8."""
    answer = client.get("/probe/headers", method="POST", body=json.dumps([["X-Name", value]]).encode())

    assert answer.get("x-name") == sent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-One", "1\r\nSet-Cookie: admin=1"),
        ("X-One", "1\nSet-Cookie: admin=1"),
        ("X-One", "1\r\n\r\n<script>"),
        ("X-One", "\x00"),
        ("X-One", "a\tb"),
        ("X-One", "日"),
        ("X-One\r\nSet-Cookie", "admin=1"),
        ("X One", "1"),
        ("X-One:", "1"),
        ("", "1"),
    ],
)
def test_an_application_cannot_inject_headers(client, name, value):
    answer = client.get("/probe/headers", method="POST", body=json.dumps([[name, value]]).encode())

    assert (answer.status, answer.get("set-cookie"), b"script" in answer.body) == (500, None, False)
    assert client.get("/probe/several").body == b"one two three"


def test_the_head_may_be_replaced_until_it_is_sent(client):
    answer = client.get("/probe/replaces")

    assert (answer.status, answer.all("x-head"), answer.body) == (500, ["second"], b"sorry")


@pytest.mark.parametrize("name", ["fails_first", "twice", "never", "bytes_header", "returns_text"])
def test_what_fails_before_its_head_is_a_500_and_the_connection_goes_on(client, name):
    answer = client.get(f"/probe/{name}")

    assert (answer.status, b"Server Error" in answer.body) == (500, True)
    assert client.get("/probe/several").status == 200


@pytest.mark.parametrize("name", ["fails_later", "replaces_late"])
def test_what_fails_after_its_head_is_cut_off_so_that_the_client_sees_it(server, client, name):
    answer = client.get(f"/probe/{name}")

    assert not answer.is_whole
    assert (answer.status, answer.body) in [(200, b"some"), (0, b"")]  # the latter on a machine that is very busy
    assert client.is_closed()
    with Connection(server) as other:
        assert other.get("/probe/several").status == 200


def test_more_than_was_declared_is_cut_to_it(client):
    answer = client.get("/probe/declared?60")

    assert (answer.body, answer.is_whole) == (b"x" * 60, True)
    assert client.get("/probe/several").body == b"one two three"


def test_less_than_was_declared_is_seen_to_be_less(client):
    answer = client.get("/probe/declared?1000")

    assert (answer.body, answer.is_whole) == (b"x" * 100, False)


@pytest.mark.parametrize("name", ["closes", "declared?100", "declared?60", "fails_later"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_always_called(server, client, name, method):
    closed_by(server)
    client.get(f"/probe/{name}", method=method)
    server.wait_until(lambda: name.partition("?")[0] in closed_by(server))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def test_a_file_is_sent_whole_with_its_length(client, path):
    answer = client.get(f"/probe/files/?{path}")

    assert (answer.status, answer.body == path.read_bytes()) == (200, True)
    assert (answer.get("content-length"), answer.get("accept-ranges")) == ("256000", "bytes")


def test_a_file_is_sent_from_where_it_stands(client, path):
    answer = client.get(f"/probe/files/3?{path}")

    assert answer.body == path.read_bytes()[3:]


@pytest.mark.parametrize("size", [0, 1])
def test_small_files(client, path, size):
    path.write_bytes(b"x" * size)
    answer = client.get(f"/probe/files/?{path}")

    assert (answer.status, answer.body, answer.get("content-length")) == (200, b"x" * size, str(size))


def test_head_of_a_file(client, path):
    answer = client.get(f"/probe/files/?{path}", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert client.get("/probe/several").status == 200


@pytest.mark.parametrize(
    ("wanted", "first", "behind"),
    [("0-0", 0, 1), ("10-19", 10, 20), ("255990-", 255990, 256000), ("-5", 255995, 256000), ("-999999", 0, 256000),
     ("255999-999999", 255999, 256000)],
)  # fmt: skip
def test_a_range_of_a_file(client, path, wanted, first, behind):
    answer = client.get(f"/probe/files/?{path}", f"Range: bytes={wanted}")

    assert (answer.status, answer.body) == (206, path.read_bytes()[first:behind])
    assert answer.get("content-range") == f"bytes {first}-{behind - 1}/256000"
    assert answer.all("content-length") == [str(behind - first)]


@pytest.mark.parametrize("wanted", ["bytes=256000-", "bytes=-0", "bytes=999999-1000000"])
def test_a_range_that_is_not_in_the_file(client, path, wanted):
    answer = client.get(f"/probe/files/?{path}", f"Range: {wanted}")

    assert (answer.status, answer.body, answer.get("content-range")) == (416, b"", "bytes */256000")


@pytest.mark.parametrize("wanted", ["bytes=1-2,4-5", "lines=1-2", "bytes=-", "bytes=a-b", "bytes=5-2"])
def test_a_range_that_is_none_is_ignored(client, path, wanted):
    assert client.get(f"/probe/files/?{path}", f"Range: {wanted}").status == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [('"1"', 206), ('"2"', 200), ("Sat, 21 Nov 2026 00:00:00 GMT", 206), ("Sun, 22 Nov 2026 00:00:00 GMT", 200)],
)
def test_a_range_of_the_version_that_the_client_has(client, path, condition, status):
    assert client.get(f"/probe/files/?{path}", "Range: bytes=0-9", f"If-Range: {condition}").status == status
