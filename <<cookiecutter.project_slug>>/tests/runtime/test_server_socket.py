"""The socket that the server listens on, and how it is called."""

import resource
import socket
import subprocess
import sys

import pytest

from runtime.http.server import MOST_CONNECTIONS, RESERVE, Server, address, most_connections
from runtime.shared.descriptors import raise_limit
from runtime.shared.plan import StartError
from tests.server import PROJECT

MEASURE = """
from granian._granian import MetricsAggregator
from runtime.http import server
from runtime.memory_limit.ledger import Use
print(Use.now().requested)
server.take_reserve()
print(Use.now().requested)
held = [MetricsAggregator(10_000) for _ in range(100)]  # 24 MB
print(Use.now().requested)
held += [MetricsAggregator(10_000) for _ in range(100)]
print(Use.now().requested)
"""


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://localhost:8000"),
        ("::", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("example.com", "http://example.com:8000"),
    ],
)
def test_the_address_is_one_that_a_browser_takes(host, expected):
    assert address(host, 8000) == expected


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_port_0_is_a_free_one_which_is_told(host):
    server = Server(None, host, 0)
    port = server.socket.getsockname()[1]
    server.socket.close()

    assert port > 0
    assert server.address.endswith(f":{port}")


def test_a_port_in_use_is_refused_and_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"HOST=127.0.0.1 PORT={port}: .*[Aa]ddress"):
            Server(None, "127.0.0.1", port)


def test_an_address_that_is_not_this_machines_is_refused_and_named():
    with pytest.raises(StartError, match=r"HOST=192\.0\.2\.1 PORT=0: "):
        Server(None, "192.0.2.1", 0)


def test_granian_has_its_memory_before_it_needs_it():
    """In a process of its own, as the reserve is taken once."""
    used = subprocess.run(
        [sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True, cwd=PROJECT, timeout=60
    ).stdout.split()
    before, reserved, full, again = (int(number) for number in used)

    assert reserved - before >= RESERVE  # got from the kernel …
    assert full == reserved  # … is what it uses later …
    assert again > full  # … until there is no more


SERVE = """
import asyncio, sys, uvloop
from runtime.http import server
server.IDLE = 1
async def application(scope, proto):
    proto.response_str(200, [], "hello")
async def main():
    one = server.Server(application, "127.0.0.1", 0)
    one.start()
    print(one.socket.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
uvloop.run(main())
"""


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost:", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_a_connection_that_waits_for_a_request_is_closed_after_a_while(sent):
    """One that stops in the middle of a head, and one that is kept for more."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client, client.makefile("rb") as file:
            client.sendall(sent)
            received = file.read()  # until it is closed
        process.kill()

    assert (b"hello" in received) == sent.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("limit", "most"), [(1024, 768), (65536, MOST_CONNECTIONS), (resource.RLIM_INFINITY, MOST_CONNECTIONS)]
)
def test_as_many_connections_are_served_as_there_are_descriptors_for(monkeypatch, limit, most):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))

    assert most_connections() == most


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1024, 4096, 4096),
        (1024, 10**6, 65536),
        (1024, resource.RLIM_INFINITY, 65536),
        (1024, 1024, None),
        (10**6, 10**6, None),
    ],
)
def test_the_process_takes_as_many_descriptors_as_it_may_have(monkeypatch, soft, hard, raised):
    taken = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: taken.append(limits))
    raise_limit()

    assert taken == ([(raised, hard)] if raised else [])


def test_all_addresses_are_those_of_both_families(tmp_path):
    server = Server(None, "::", 0)
    port = server.socket.getsockname()[1]
    with server.socket, socket.create_connection(("127.0.0.1", port)) as client:
        assert client.getpeername()[1] == port
