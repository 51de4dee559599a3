"""Long responses and bodies: what they cost, and what becomes of them when a client is slow or leaves."""

import re
from pathlib import Path

import pytest

from tests.web.raw import Connection

MEGABYTE = 2**20
ALLOWED = 20 * MEGABYTE  # of extra memory


def memory(server):
    """The most that the process has had in memory, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def closed_by(server):
    with Connection(server) as other:
        return other.get("/probe/who_closed").json()


@pytest.fixture
def before(server):
    """The memory that the server needs for such things anyway; what it needs at most counts from here."""
    with Connection(server) as other:
        other.get("/probe/goes_on?3")
        other.get("/probe/discards", method="POST", body=bytes(MEGABYTE))
    closed_by(server)
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory(server)


def test_a_large_stream_to_a_slow_reader_costs_little_memory(server, client, before):
    client.send("GET /probe/goes_on?300 HTTP/1.1", "Host: localhost")
    received = 0
    while received < 300 * 10**6:
        received += len(client.socket.recv(MEGABYTE))
        if received < 3 * MEGABYTE:
            with Connection(server) as other:  # time enough to fill the memory
                other.get("/probe/large")

    assert memory(server) - before < ALLOWED


def test_a_stream_that_nobody_reads_waits(server, client, before):
    client.send("GET /probe/goes_on?300 HTTP/1.1", "Host: localhost")
    client.socket.recv(1)
    with Connection(server) as other:
        for _ in range(100):
            other.get("/probe/large")

    assert memory(server) - before < ALLOWED
    assert "goes_on" not in closed_by(server)


def test_a_large_body_to_a_view_that_discards_it_costs_little_memory(server, client, before):
    size = 300 * MEGABYTE
    client.send("POST /probe/discards HTTP/1.1", "Host: localhost", f"Content-Length: {size}")
    for _ in range(300):
        client.socket.sendall(bytes(MEGABYTE))

    assert client.answer().body == str(size).encode()
    assert memory(server) - before < ALLOWED


@pytest.mark.parametrize("path", ["sleeps", "goes_on?300"])
def test_a_client_that_leaves_frees_its_thread_wherever_that_is(server, path):
    closed_by(server)
    with Connection(server) as leaving:
        leaving.send(f"GET /probe/{path} HTTP/1.1", "Host: localhost")
        while leaving.read_line():
            pass
        leaving.file.read(10)  # of the first part

    server.wait_until(lambda: path.partition("?")[0] in closed_by(server))
    assert server.count("interpreter_abandoned") == 0


def test_streams_of_events_leave_one_thread_to_the_others(server):
    """With four threads: three streams, and a fourth is told to come back."""
    events = "GET /probe/sleeps?text/event-stream HTTP/1.1", "Host: localhost"
    streams = [Connection(server) for _ in range(3)]
    for stream in streams:
        stream.send(*events)
        assert stream.read_line() == b"HTTP/1.1 200 OK"
    with Connection(server) as one_more, Connection(server) as other:
        one_more.send(*events)
        refused = one_more.answer()
        served = other.get("/probe/several").status
    for stream in streams:
        stream.__exit__()

    assert (refused.status, refused.get("retry-after"), served) == (503, "5", 200)
    server.wait_until(lambda: is_taken(server, *events))


def is_taken(server, *request):
    with Connection(server) as other:
        other.send(*request)
        return other.read_line() == b"HTTP/1.1 200 OK"
