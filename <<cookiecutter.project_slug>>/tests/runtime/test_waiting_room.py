"""Requests that wait: web threads take the next one by themselves, and main sees to it that none is left over."""

import asyncio
import os
import time

import pytest

from runtime.http import bridge, waiting_room
from runtime.http.waiting_room import WITHIN_REACH
from runtime.shared import frames
from runtime.shared.board import Cell
from tests.runtime.exchange import connected
from tests.runtime.make import make_request
from tests.runtime.on_loop import on_the_loop, turns
from tests.runtime.web_side import Client, Stage


async def one_busy_thread(tmp_path, waiting):
    """A stage whose only thread has a request, while others wait."""
    stage, clients = Stage(tmp_path, 1), [Client(f"/{number}") for number in range(1 + waiting)]
    asked = [stage.ask(client) for client in clients]
    thread = stage.threads[0][0]
    await thread.receive()
    await turns()
    return stage, thread, clients, asked


@on_the_loop
async def test_a_thread_that_took_the_next_request_answers_that_one(tmp_path):
    _, thread, clients, asked = await one_busy_thread(tmp_path, 1)
    request = thread.take()
    await thread.send(frames.WHOLE, 200, [], b"first", taken=thread.number)
    await thread.send(frames.WHOLE, 200, [], b"second")
    await asyncio.gather(*asked)

    assert request[1] == "/1"
    assert [client.content for client in clients] == [b"first", b"second"]


@on_the_loop
async def test_a_thread_that_took_none_gets_what_has_come_since(tmp_path):
    """It looked before the request came, and main heard of that later."""
    stage, thread, clients, asked = await one_busy_thread(tmp_path, 0)
    await thread.send(frames.WHOLE, 200, [], b"first")
    asked.append(stage.ask(late := Client("/late")))
    await turns()
    request = await thread.answer(content=b"late")
    await asyncio.gather(*asked)

    assert (request[1], late.content, clients[0].content) == ("/late", b"late", b"first")
    assert thread.take() == ()


@on_the_loop
async def test_all_that_wait_are_answered_in_the_order_of_their_coming(tmp_path):
    stage, thread, clients, asked = await one_busy_thread(tmp_path, 3 * WITHIN_REACH)
    order = []
    for _ in clients:
        order += thread.take()[1:2]
        await thread.send(frames.WHOLE, 200, [], b"", taken=thread.number)
        await turns()
    await asyncio.gather(*asked)

    assert order == [client.scope.path for client in clients[1:]]
    assert len(stage.bridge.waiting) == 0


@on_the_loop
async def test_requests_too_large_for_the_socket_wait_in_main(tmp_path):
    stage, thread, _, asked = await one_busy_thread(tmp_path, 0)
    large = [Client(headers=[("x", "y" * 60_000)]) for _ in range(WITHIN_REACH)]
    asked += [stage.ask(client) for client in large]
    await turns()
    within_reach = len(stage.bridge.waiting.within_reach)
    await thread.send(frames.WHOLE, 200, [], b"")
    for _ in large:
        await thread.answer()
    await asyncio.gather(*asked)

    assert 0 < within_reach < WITHIN_REACH
    assert {client.status for client in large} == {200}


@on_the_loop
async def test_who_waits_too_long_is_turned_away_and_no_thread_gets_the_request(tmp_path):
    stage, thread, clients, asked = await one_busy_thread(tmp_path, 2)
    descriptors = set(os.listdir("/proc/self/fd"))
    asked.append(stage.ask(upload := Client("/upload", body=bytes(100_000))))
    await turns(200)
    while len(stage.bridge.waiting) < 3:
        await asyncio.sleep(0)
    for number in (2, 4):
        stage.bridge.waiting.within_reach[number].since -= bridge.LONGEST_WAIT
    stage.bridge.waiting.within_reach[3].since -= bridge.LONGEST_WAIT
    stage.bridge.expire(time.monotonic())
    await asyncio.gather(*asked[1:])

    assert [client.status for client in (*clients[1:], upload)] == [503] * 3
    assert thread.take() == ()
    assert set(os.listdir("/proc/self/fd")) == descriptors
    await thread.send(frames.WHOLE, 200, [], b"first")
    await asked[0]
    assert clients[0].content == b"first"


@on_the_loop
async def test_who_came_later_than_those_who_are_turned_away_waits_on(tmp_path):
    stage, thread, clients, asked = await one_busy_thread(tmp_path, 3)
    stage.bridge.waiting.within_reach[2].since -= bridge.LONGEST_WAIT
    taken = thread.take()
    stage.bridge.expire(time.monotonic())
    await thread.send(frames.WHOLE, 200, [], b"", taken=thread.number)
    order = [taken[1]]
    for _ in clients[1:]:
        order += thread.take()[1:2]
        await thread.send(frames.WHOLE, 200, [], b"", taken=thread.number)
        await turns()
    await asyncio.gather(*asked)

    assert sorted(order) == ["/1", "/2", "/3"]
    assert {client.status for client in clients} == {200}


@on_the_loop
async def test_one_that_a_thread_took_and_never_told_of_is_turned_away_as_well(tmp_path):
    stage, thread, clients, asked = await one_busy_thread(tmp_path, 1)
    thread.take()
    stage.bridge.waiting.within_reach[2].since -= bridge.LONGEST_WAIT + waiting_room.TELLING
    stage.bridge.expire(time.monotonic())
    await asked[1]
    await thread.send(frames.WHOLE, 200, [], b"first", taken=thread.number)  # after all
    await thread.send(frames.WHOLE, 200, [], b"to nobody")
    await asked[0]
    asked.append(stage.ask(client := Client("/next")))
    await thread.answer(content=b"next")
    await asked[2]

    assert [each.content for each in (clients[0], client)] == [b"first", b"next"]
    assert clients[1].status == 503


@pytest.mark.parametrize("kind", [frames.WHOLE, frames.FILE])
def test_a_thread_takes_what_waits_with_its_last_frame(kind):
    with connected() as (main, room, channel):
        main.send(frames.pack(make_request(number=1)))
        channel.receive()
        room.send(frames.pack(make_request(number=2, path="/next")))
        channel.send_last((kind, 200, []))

        assert frames.unpack(main.recv(frames.FRAME_SIZE)) == (kind, 200, [], 1, 2)
        assert channel.receive()[2] == "/next"
        assert channel.number == 2


@pytest.mark.parametrize(("kind", "leaves"), [(frames.END, 0), (frames.BROKEN, 0), (frames.WHOLE, 1)])
def test_a_thread_takes_none_behind_a_stream_or_when_it_is_to_leave(kind, leaves):
    with connected() as (main, room, channel):
        channel.row[Cell.LEAVES] = leaves
        room.send(frames.pack(make_request(number=2)))
        channel.send_last((kind,))

        assert frames.unpack(main.recv(frames.FRAME_SIZE)) == (kind, 0, 0)
        assert channel.taken is None
