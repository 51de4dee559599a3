"""HTTP through the running server: bodies, headers, streams, and clients that leave."""

import os
import resource
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse

import pytest

from tests.server import running
from tests.site import gates


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), MAX_REQUEST_BODY="3M") as server:
        yield server


@pytest.fixture
def connect(server):
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        yield connection


def answer_of(connection, method="GET"):
    answer = HTTPResponse(connection, method=method)
    answer.begin()
    return answer


@pytest.mark.parametrize("length", [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * 1024 * 1024])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_arrives_as_it_was_sent(server, length, chunked):
    content = os.urandom(length)
    body = (content[start : start + 50000] for start in range(0, length, 50000)) if chunked else content
    echo = server.client.post("/test/echo", content=body).json()

    assert (echo["length"], echo["sum"]) == (length, sum(content))


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_over_the_limit_is_refused(server, chunked):
    content = bytes(3 * 1024 * 1024 + 1)
    answer = server.client.post("/test/echo", content=iter([content]) if chunked else content)

    assert answer.status_code == 413
    assert set(answer.json()["error"]) == {"type", "message"}


@pytest.mark.parametrize("sent", [10, 200000])
def test_an_upload_whose_client_leaves_in_the_middle_is_not_taken_for_whole(server, connect, sent):
    connect.sendall(b"POST /test/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (sent + 1))
    connect.sendall(bytes(sent))
    connect.shutdown(socket.SHUT_WR)

    assert answer_of(connect).status == 400


def test_a_full_disk_refuses_an_upload_and_is_recovered_from(tmp_path):
    with running(tmp_path) as server:
        usual = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (600_000, usual[1]))
        refused = server.client.post("/test/echo", content=bytes(2_000_000))
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, usual)
        taken = server.client.post("/test/echo", content=bytes(2_000_000))

    assert (refused.status_code, refused.json()["error"]["type"]) == (507, "StorageFull")
    assert taken.json()["length"] == 2_000_000


@pytest.mark.parametrize("path", ["/test/echo?a=1&b=%20", "/test/echo?q=stra%C3%9Fe"])
def test_path_and_query(server, path):
    echo = server.client.get(path).json()

    assert (echo["path"], echo["query"]) == ("/test/echo", path.partition("?")[2])


def test_a_path_beyond_ascii_reaches_django(server):
    assert server.client.get("/test/echo/stra%C3%9Fe/日本").json()["path"] == "/test/echo/straße/日本"


def test_headers_reach_django_joined_and_without_those_that_pose(server):
    headers = [("x-one", "1"), ("x-one", "2"), ("cookie", "a=1"), ("cookie", "b=2"), ("x_one", "posing")]
    echo = server.client.get("/test/echo", headers=headers).json()["headers"]

    assert echo["X-One"] == "1,2"
    assert echo["Cookie"] == "a=1; b=2"


def test_cookies_that_are_set_together_stay_apart(server):
    answer = server.client.get("/test/cookies")

    assert answer.headers.get_list("set-cookie") == ["one=1; Path=/", "two=2; Path=/"]


def test_the_answer_to_head_is_that_to_get_without_its_body(server, connect):
    connect.sendall(b"HEAD /test/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = answer_of(connect, "HEAD")

    assert (answer.status, answer.read()) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_a_stream_arrives_whole(server):
    text = server.client.get("/test/stream/500").text

    assert text == "".join(f"{number}\n" * 1000 for number in range(500))


def test_a_client_that_leaves_in_the_middle_of_a_stream_frees_its_thread(tmp_path):
    with running(tmp_path, WEB_INTERPRETERS="1", WEB_THREADS="1") as server:
        for _ in range(3):
            with server.client.stream("GET", "/test/stream/1000000") as answer:
                next(answer.iter_raw())

        assert server.client.get("/test/echo").status_code == 200


def test_a_view_that_fails_is_a_500_and_the_server_goes_on(server):
    assert server.client.get("/test/fail").status_code == 500
    assert server.client.get("/test/echo").status_code == 200
    assert server.metric("web_requests_total", status="500") >= 1


def test_more_requests_than_threads_wait_and_are_counted(server, tmp_path):
    gate = [gates.make(tmp_path, f"gate{number}") for number in range(4)]
    with ThreadPoolExecutor(7) as pool:
        running = [pool.submit(server.client.get, f"/test/wait{path}") for path in gate]
        for path in gate:
            gates.wait_for_arrival(path)
        waiting = [pool.submit(server.client.get, "/test/echo") for _ in range(3)]
        server.wait_until(lambda: server.metric("web_waiting") == 3)
        for path in gate:
            gates.open_gate(path)
        statuses = {answer.result().status_code for answer in running + waiting}

    assert statuses == {200}
    assert server.metric("web_waiting") == 0


def test_a_connection_is_used_again(server, connect):
    for _ in range(3):
        connect.sendall(b"GET /test/echo HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = answer_of(connect)
        assert (answer.status, len(answer.read())) == (200, int(answer.headers["content-length"]))


def test_static_files_are_served_whole(server):
    answer = server.client.get("/static/style.css")

    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["content-length"])
