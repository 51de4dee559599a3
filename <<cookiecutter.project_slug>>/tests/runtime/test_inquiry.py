"""Questions from outside: who answers, and what becomes of the pipe."""

import asyncio
import os
from types import SimpleNamespace

import pytest

from runtime.observe import inquiry
from runtime.observe.inquiry import Inquiries
from runtime.shared import node_sockets
from runtime.shared.descriptors import Wakeups
from runtime.supervise.wakeup_socket import WakeupSocket
from tests.runtime.on_loop import cleanups, on_the_loop, turns


class FakeStacks:
    """Knows one task."""

    def of_task(self, task):
        return SimpleNamespace(text=f"where {task} is\n" * 20000) if task == "0199" else None

    async def profile(self, task, seconds):
        return f"{task} for {seconds:g} s\n"


@pytest.fixture
def listen(tmp_path):
    def listen(number=1):
        wakeups = Wakeups.make(())
        listener = WakeupSocket(
            tmp_path / f"server-{number}.sock", wakeups, print, answer=Inquiries(FakeStacks()).receive
        )
        listener.listen()
        cleanups.extend([listener.close, wakeups.close])

    return listen


@on_the_loop
async def test_a_task_s_stack_comes_whole_however_long_it_is(tmp_path, listen):
    listen()

    assert await asyncio.to_thread(inquiry.ask, tmp_path, "0199") == "where 0199 is\n" * 20000


@on_the_loop
async def test_with_seconds_it_is_a_profile_and_no_longer_than_the_longest(tmp_path, listen):
    listen()

    assert await asyncio.to_thread(inquiry.ask, tmp_path, "0199", 5) == "0199 for 5 s\n"
    assert await asyncio.to_thread(inquiry.ask, tmp_path, "0199", 1e9) == f"0199 for {inquiry.LONGEST:g} s\n"


@on_the_loop
async def test_every_server_on_the_folder_is_asked(tmp_path, listen):
    listen(1)
    listen(2)

    assert await asyncio.to_thread(inquiry.ask, tmp_path, "0199", 5) == "0199 for 5 s\n" * 2


@pytest.mark.parametrize("task", ["x", "", "0199 0199", "\N{PILE OF POO}"])
@on_the_loop
async def test_what_runs_nowhere_or_is_no_question_has_an_empty_answer(tmp_path, listen, task):
    listen()

    assert await asyncio.to_thread(inquiry.ask, tmp_path, task) == ""


@on_the_loop
async def test_who_asks_and_goes_away_harms_nobody(tmp_path, listen):
    listen()
    reading, writing = os.pipe()
    node_sockets.send(tmp_path, "stack 0199 0", writing)
    os.close(reading)
    os.close(writing)

    assert await asyncio.to_thread(inquiry.ask, tmp_path, "0199", 5) == "0199 for 5 s\n"


def test_where_no_server_runs_the_answer_is_empty_at_once(tmp_path):
    assert inquiry.ask(tmp_path, "0199", 600) == ""


@on_the_loop
async def test_no_descriptor_is_left_open(tmp_path, listen):
    listen()
    await asyncio.to_thread(inquiry.ask, tmp_path, "0199", 5)
    await turns()
    before = set(os.listdir("/proc/self/fd"))
    for seconds in (0, 5):
        await asyncio.to_thread(inquiry.ask, tmp_path, "0199", seconds)
        await turns()

    assert set(os.listdir("/proc/self/fd")) == before


def test_a_server_that_does_not_answer_is_not_waited_for_long(tmp_path):
    listener = WakeupSocket(tmp_path / "server-1.sock", Wakeups.make(()), print)  # it is bound, and nobody reads
    with pytest.raises(TimeoutError):
        inquiry.put(tmp_path, "status 0c58", 0.01)
    listener.socket.close()
    listener.wakeups.close()
    assert inquiry.overview(tmp_path, "0c58") == {}
