"""Long responses: how many there may be, and when one is given up."""

import asyncio
import contextlib
import socket
import time
from types import SimpleNamespace

import pytest

from runtime.http import connection, delivery, stream_limit
from runtime.http.connection import Connection, find
from runtime.shared import frames
from tests.runtime.on_loop import on_the_loop, turns
from tests.runtime.web_side import Client, Stage

EVENTS = [("Content-Type", "text/event-stream; charset=utf-8")]


async def begin(stage, headers=()):
    """A response in parts that a thread begins; the client and the thread."""
    client = Client()
    client.asked = stage.ask(client)
    while not (asked := [thread for threads in stage.threads for thread in threads if thread.has_something()]):
        await asyncio.sleep(0)
    thread = asked[0]
    await thread.receive()
    await thread.send(frames.HEAD, 200, list(headers))
    await thread.send(frames.CHUNK, b"some")
    await turns()
    return client, thread


@on_the_loop
async def test_one_stream_of_events_too_many_is_told_to_come_back(tmp_path):
    stage = Stage(tmp_path, 2, 1)
    taken = [await begin(stage, EVENTS) for _ in range(2)]
    refused, thread = await begin(stage, EVENTS)

    assert [client.status for client, _ in taken] == [200, 200]
    assert (refused.status, dict(refused.headers)["retry-after"]) == (503, "5")
    assert await thread.hears_that_its_client_has_left()


@on_the_loop
async def test_a_single_thread_may_stream(tmp_path):
    stage = Stage(tmp_path, 1)
    client, _ = await begin(stage, EVENTS)

    assert client.status == 200


@on_the_loop
async def test_other_responses_are_long_after_a_while_and_the_youngest_is_cut(tmp_path):
    stage = Stage(tmp_path, 3)
    clients = [await begin(stage) for _ in range(3)]
    stage.bridge.expire(time.monotonic() + stream_limit.LONG - 1)
    await turns()
    early = [client.asked.done() for client, _ in clients]
    stage.bridge.expire(time.monotonic() + stream_limit.LONG)
    await clients[2][0].asked

    assert early == [False, False, False]
    assert [client.asked.done() for client, _ in clients] == [False, False, True]
    assert await clients[2][1].hears_that_its_client_has_left()


@on_the_loop
async def test_events_of_an_interpreter_that_is_to_leave_are_cut_so_that_their_clients_come_to_the_next(tmp_path):
    stage = Stage(tmp_path, 2, 1)
    (events, thread), (other, _) = await begin(stage, EVENTS), await begin(stage)
    stage.bridge.detach("web-1")
    stage.bridge.detach("web-2")
    stage.bridge.expire(time.monotonic())
    await events.asked

    assert await thread.hears_that_its_client_has_left()
    assert not other.asked.done()


@on_the_loop
async def test_one_that_begins_after_its_504_is_ended_at_its_first_part(tmp_path):
    stage, client = Stage(tmp_path, 1), Client()
    asked, thread = stage.ask(client), stage.threads[0][0]
    await thread.receive()
    stage.bridge.expire(time.monotonic() + 3600)
    await asked
    await thread.send(frames.HEAD, 200, EVENTS)

    assert client.status == 504
    assert await thread.hears_that_its_client_has_left()


@on_the_loop
async def test_a_stop_cuts_events_and_refuses_more(tmp_path):
    stage = Stage(tmp_path, 3)
    (events, thread), (other, _) = await begin(stage, EVENTS), await begin(stage)
    stage.bridge.stop()
    await events.asked
    late, _ = await begin(stage, EVENTS)

    assert await thread.hears_that_its_client_has_left()
    assert not other.asked.done()
    assert late.status == 503


def test_long_responses_of_what_leaves_take_no_place_from_those_of_its_successor():
    cut, now = [], time.monotonic()

    def link(leaving, since):
        response = SimpleNamespace(
            is_over=False, is_events=False, began=now - since, leave=lambda is_broken: cut.append(since)
        )
        return SimpleNamespace(leaving=leaving, response=response if since else None)

    old = [link(True, since) for since in (300, 200, 100)]
    stream_limit.cut_surplus([*old, link(False, 60), link(False, 0)], now)
    before = list(cut)
    stream_limit.cut_surplus([*old, link(False, 60), link(False, 50)], now)

    assert (before, cut) == ([], [50])


@on_the_loop
async def test_whatever_goes_wrong_with_one_its_thread_is_told(tmp_path):
    stage = Stage(tmp_path, 1)
    client, thread = await begin(stage)

    async def fail(chunk):
        raise MemoryError

    client.send_bytes = fail
    await thread.send(frames.CHUNK, b"more")
    with pytest.raises(MemoryError):
        await client.asked

    assert await thread.hears_that_its_client_has_left()


@on_the_loop
async def test_where_no_descriptor_is_free_a_large_one_goes_on_unwatched(tmp_path, monkeypatch):
    def take(*addresses):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Connection, "take", take)
    stage = Stage(tmp_path, 1)
    client, thread = await begin(stage)
    for _ in range(5):
        await thread.send(frames.CHUNK, bytes(100_000))
        await turns()
    await thread.send(frames.END)
    await client.asked

    assert len(client.content) == 500_004


@on_the_loop
async def test_who_leaves_while_nothing_is_sent_is_noticed(tmp_path):
    stage = Stage(tmp_path, 1)
    client, thread = await begin(stage)
    client.left.set()
    await client.asked

    assert await thread.hears_that_its_client_has_left()
    assert client.content == b"some"


@contextlib.contextmanager
def connected(host="127.0.0.1", family=socket.AF_INET):
    """A client's socket, the server's, and what RSGI calls them."""
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
        with client, server:
            yield client, server, *(named(end.getsockname()) for end in (client, listener))


def named(address):
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


@pytest.fixture
def pair():
    with connected() as pair:
        yield pair


@pytest.mark.parametrize("kind", [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)], ids=["IPv4", "IPv6"])
def test_a_connection_is_found_by_its_addresses(kind):
    with connected(*kind) as (client, _, *names), find(*names) as found:
        assert found.getpeername() == client.getsockname()
        found.shutdown(socket.SHUT_RDWR)
        assert client.recv(1) == b""


def test_a_connection_that_is_not_there_is_not_found(pair):
    *_, server = pair

    assert find("127.0.0.1:1", server) is None


def test_what_the_kernel_has_not_taken_is_held(pair):
    _, server, *names = pair
    one, other = Connection.take(*names), Connection.take(*names)  # as two streams of HTTP/2
    one.given += 1000
    before = one.held()
    server.sendall(bytes(600))
    after = other.held()
    server.sendall(bytes(600))  # more than was given: the framing
    one.release()
    other.release()

    assert (before, after, one is other, one.given) == (1000, 400, True, 1000)
    assert names[0] not in connection.Connection.known


@on_the_loop
async def test_a_client_that_takes_nothing_for_too_long_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(delivery, "LONGEST_STALL", 0.05)
    monkeypatch.setattr(delivery, "UNWATCHED", 1)
    monkeypatch.setattr(delivery, "HELD_LIMIT", 0)
    with connected() as (peer, _, *names):
        stage, client = Stage(tmp_path, 1), Client()
        client.scope.client, client.scope.server = names
        asked, thread = stage.ask(client), stage.threads[0][0]
        await thread.receive()
        await thread.send(frames.HEAD, 200, [])
        await thread.send(frames.CHUNK, b"some")
        await asked

        assert peer.recv(1) == b""
        assert await thread.hears_that_its_client_has_left()
