"""The bridge between a client and web threads that the test plays."""

import asyncio
import json
import os
import time

import pytest

from runtime.http import bridge, delivery
from runtime.shared import frames
from tests.runtime.on_loop import on_the_loop, turns
from tests.runtime.web_side import Client, Stage


@on_the_loop
async def test_a_request_reaches_a_web_thread_and_its_answer_the_client(tmp_path):
    stage, client = Stage(tmp_path, 1), Client("/where", headers=[("x", "1")])
    asked = stage.ask(client)
    request = await stage.threads[0][0].answer(201)
    await asked

    assert request == (
        "GET", "/where", "a=1", "1.1", "http", "127.0.0.1:50000", "127.0.0.1:8000",
        [("host", "localhost"), ("x", "1")], b"",
    )  # fmt: skip
    assert (client.status, client.content) == (201, b"hello")
    assert stage.metrics.by_status == {201: 1}
    assert sum(stage.metrics.buckets) == 1


@on_the_loop
async def test_a_file_is_passed_on_by_its_path(tmp_path):
    stage, client = Stage(tmp_path, 1), Client()
    asked = stage.ask(client)
    await stage.threads[0][0].receive()
    await stage.threads[0][0].send(frames.FILE, 200, [("x", "1")], "/some/file", 2, 5)
    await asked

    assert (client.status, client.headers, client.file) == (200, [("x", "1")], ("/some/file", 2, 5))


@on_the_loop
async def test_a_response_in_parts_is_passed_on_part_by_part(tmp_path):
    stage, client = Stage(tmp_path, 1), Client()
    asked, thread = stage.ask(client), stage.threads[0][0]
    await thread.receive()
    await thread.send(frames.HEAD, 200, [])
    await thread.send(frames.CHUNK, b"one")
    while not client.content:
        await asyncio.sleep(0)
    assert not asked.done()
    await thread.send(frames.CHUNK, b"two")
    await thread.send(frames.END)
    await asked

    assert client.content == b"onetwo"


@on_the_loop
async def test_a_body_reaches_the_web_thread_in_memory_or_as_a_descriptor(tmp_path):
    stage, small, large = Stage(tmp_path, 1), Client(body=b"abc"), Client(body=os.urandom(100000))
    received = []
    for client in (small, large):
        asked = stage.ask(client)
        received.append((await stage.threads[0][0].answer())[-1])
        await asked

    descriptor, length = received[1]
    with open(descriptor, "rb") as file:
        assert file.read() == large.body
    assert (received[0], length) == (b"abc", 100000)


@on_the_loop
async def test_who_finds_no_idle_thread_waits_for_one(tmp_path):
    stage, clients = Stage(tmp_path, 1), [Client(f"/{number}") for number in range(3)]
    asked = [stage.ask(client) for client in clients]
    requests = [await stage.threads[0][0].answer() for _ in clients]
    await asyncio.gather(*asked)

    assert [request[1] for request in requests] == ["/0", "/1", "/2"]
    assert [client.status for client in clients] == [200] * 3


@on_the_loop
async def test_who_asks_before_a_web_interpreter_is_ready_waits_for_it(tmp_path):
    stage, client = Stage(tmp_path), Client()
    asked = stage.ask(client)
    await turns()
    thread = stage.add("web-1", 1)[0]
    await thread.answer()
    await asked

    assert client.status == 200


@on_the_loop
async def test_one_more_than_may_wait_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(bridge, "WAITING_LIMIT", 1)
    stage, waits, refused = Stage(tmp_path), Client(), Client(body=bytes(100000))
    descriptors = set(os.listdir("/proc/self/fd"))
    asked = stage.ask(waits)
    await turns()
    await stage.ask(refused)
    asked.cancel()

    assert refused.status == 503
    assert dict(refused.headers)["retry-after"] == "1"
    assert set(json.loads(refused.content)["error"]) == {"type", "message"}
    assert set(os.listdir("/proc/self/fd")) == descriptors


@on_the_loop
async def test_an_interpreter_in_which_nothing_runs_is_preferred(tmp_path):
    stage = Stage(tmp_path, 2, 2)
    asked = [stage.ask(Client()), stage.ask(Client())]
    await turns()
    busy = [[thread.has_something() for thread in threads] for threads in stage.threads]
    for thread in [thread for threads in stage.threads for thread in threads if thread.has_something()]:
        await thread.answer()
    await asyncio.gather(*asked)

    assert [sum(threads) for threads in busy] == [1, 1]


@on_the_loop
async def test_headers_that_fit_into_no_frame_are_refused(tmp_path):
    stage, client = Stage(tmp_path, 1), Client(headers=[("x", "y" * frames.FRAME_SIZE)])
    await stage.ask(client)

    assert client.status == 431


@on_the_loop
async def test_health_is_not_passed_on_and_not_counted(tmp_path):
    stage, client = Stage(tmp_path), Client("/healthz")
    await stage.ask(client)

    assert (client.content, stage.metrics.by_status) == (b"ok", {})


@on_the_loop
async def test_a_client_that_leaves_is_reported_and_its_thread_takes_the_next_request(tmp_path):
    stage, gone, next_one = Stage(tmp_path, 1), Client(), Client()
    thread, asked = stage.threads[0][0], stage.ask(gone)
    await thread.receive()
    gone.has_left = True
    await thread.send(frames.HEAD, 200, [])
    await thread.send(frames.CHUNK, b"part")
    assert await thread.hears_that_its_client_has_left()
    await asked
    waiting = stage.ask(next_one)
    await thread.send(frames.CHUNK, b"part")
    await thread.send(frames.END)
    await thread.answer()
    await waiting

    assert (next_one.status, next_one.content) == (200, b"hello")


@on_the_loop
async def test_a_slow_client_makes_its_web_thread_wait_and_costs_no_more_memory(tmp_path):
    stage, client = Stage(tmp_path, 1), Client()
    client.is_slow.clear()
    thread, asked = stage.threads[0][0], stage.ask(client)
    await thread.receive()
    await thread.send(frames.HEAD, 200, [])
    part, sent = (frames.CHUNK, bytes(frames.CHUNK_SIZE)), 0

    async def stream():
        nonlocal sent
        for _ in range(100):
            await thread.send(*part)
            sent += 1
        await thread.send(frames.END)

    streaming = asyncio.get_running_loop().create_task(stream())
    await turns(2000)
    before = sent
    client.is_slow.set()
    await asyncio.gather(streaming, asked)

    assert before * frames.CHUNK_SIZE <= delivery.BUFFER_LIMIT + 5 * frames.CHUNK_SIZE
    assert len(client.content) == 100 * frames.CHUNK_SIZE


@on_the_loop
async def test_an_interpreter_that_leaves_answers_what_it_has_and_gets_no_more(tmp_path):
    stage, has, waits = Stage(tmp_path, 2), Client(), Client()
    asked = [stage.ask(has)]
    await turns()
    stage.bridge.detach("web-1")
    asked.append(stage.ask(waits))
    thread = next(thread for thread in stage.threads[0] if thread.has_something())
    await thread.answer()
    await asked[0]
    await turns()
    served = [thread.has_something() for thread in stage.threads[0]]
    asked[1].cancel()

    assert (has.status, waits.status, served) == (200, 0, [False, False])


@pytest.mark.parametrize("after", ["nothing", "head"])
@on_the_loop
async def test_a_thread_that_dies_with_a_request_leaves_nobody_waiting(tmp_path, after):
    stage, client = Stage(tmp_path, 1), Client()
    thread, asked = stage.threads[0][0], stage.ask(client)
    await thread.receive()
    if after == "head":
        await thread.send(frames.HEAD, 200, [])
        await thread.send(frames.CHUNK, b"part")
    stage.bridge.detach("web-1")
    thread.web.close()
    await asked

    assert client.status == (500 if after == "nothing" else 200)


@on_the_loop
async def test_the_threads_of_an_interpreter_that_died_are_chosen_no_more(tmp_path):
    stage, client = Stage(tmp_path, 1, 1), Client()
    stage.threads[0][0].web.close()
    await turns()
    asked = stage.ask(client)
    await stage.threads[1][0].answer()
    await asked

    assert client.status == 200


@on_the_loop
async def test_a_request_that_a_dead_thread_has_not_read_is_answered(tmp_path):
    stage, client = Stage(tmp_path, 1), Client()
    asked = stage.ask(client)
    await turns()
    stage.threads[0][0].web.close()
    await asked

    assert client.status == 500


@on_the_loop
async def test_a_server_without_the_web_says_so(tmp_path):
    stage, client = Stage(tmp_path, roles=("workers",)), Client()
    await stage.ask(client)

    assert client.status == 404


@on_the_loop
async def test_at_the_stop_nobody_waits_for_a_web_interpreter_that_will_not_come(tmp_path):
    stage, waits, late = Stage(tmp_path), Client(body=bytes(100000)), Client()
    descriptors = set(os.listdir("/proc/self/fd"))
    asked = stage.ask(waits)
    await turns()
    stage.bridge.stop()
    await asked
    await stage.ask(late)

    assert (waits.status, late.status) == (503, 503)
    assert dict(waits.headers)["retry-after"] == dict(late.headers)["retry-after"] == "1"
    assert set(os.listdir("/proc/self/fd")) == descriptors


@on_the_loop
async def test_at_the_stop_those_who_wait_are_still_served_by_the_threads_there_are(tmp_path):
    stage, clients = Stage(tmp_path, 1), [Client(), Client()]
    asked = [stage.ask(client) for client in clients]
    await turns()
    stage.bridge.stop()
    for _ in clients:
        await stage.threads[0][0].answer()
    await asyncio.gather(*asked)

    assert [client.status for client in clients] == [200, 200]


@on_the_loop
async def test_who_lets_a_request_wait_for_too_long_is_named_with_it(tmp_path):
    stage, client = Stage(tmp_path, 2), Client("/or ders\n")
    asked = stage.ask(client)
    await turns()
    (late,) = stage.bridge.expire(time.monotonic() + 3600)
    await asked
    requests = [stage.bridge.request_of("web-1", index) for index in range(2)]

    assert client.status == 504
    assert late[0] == "web-1"
    assert requests[late[1]] == "GET /or%20ders%0A"
    assert requests[1 - late[1]] == stage.bridge.request_of("default-1", 0) == ""
    assert stage.bridge.expire(time.monotonic() + 7200) == []


@on_the_loop
async def test_a_second_end_of_a_request_ends_no_other_one(tmp_path):
    stage, first, second = Stage(tmp_path, 1), Client("/first"), Client("/second")
    thread = stage.threads[0][0]
    asked = stage.ask(first)
    await thread.answer(content=b"first")
    await asked
    asked = stage.ask(second)
    await turns()
    await thread.send(frames.END)  # still of the first one
    await thread.answer(content=b"second")
    await asked

    assert (second.status, second.content) == (200, b"second")
