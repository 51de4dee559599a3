"""What ends the server, and with which exit code."""

import asyncio
import logging
import os
import signal

import pytest

from runtime.shared.plan import StartError
from runtime.supervise import shutdown
from runtime.supervise.shutdown import run_until_stopped
from tests.runtime.on_loop import on_the_loop, turns


async def forever():
    await asyncio.Event().wait()


async def nothing():
    pass


async def fail(error):
    raise error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@on_the_loop
async def test_a_signal_ends_it_with_0(number):
    running = asyncio.ensure_future(run_until_stopped(nothing(), asyncio.Event()))
    await asyncio.sleep(0)
    os.kill(os.getpid(), number)

    assert await running == 0


@on_the_loop
async def test_a_signal_that_comes_twice_at_once_is_one(monkeypatch):
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    running = asyncio.ensure_future(run_until_stopped(nothing(), asyncio.Event()))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)

    assert await running == 0
    assert left == []


@on_the_loop
async def test_a_signal_during_the_start_ends_that():
    started, ended = asyncio.Event(), asyncio.Event()

    async def start():
        started.set()
        try:
            await forever()
        finally:
            ended.set()

    running = asyncio.ensure_future(run_until_stopped(start(), asyncio.Event()))
    await started.wait()
    os.kill(os.getpid(), signal.SIGTERM)

    assert await running == 0
    await ended.wait()


@on_the_loop
async def test_one_that_is_worn_out_leaves_to_be_started_afresh():
    worn_out = asyncio.Event()
    running = asyncio.ensure_future(run_until_stopped(nothing(), worn_out))
    worn_out.set()

    assert await running == os.EX_TEMPFAIL


@on_the_loop
async def test_the_first_signal_to_one_that_is_worn_out_does_not_hurry_it(monkeypatch):
    worn_out, ends, heard = asyncio.Event(), [], asyncio.Event()
    monkeypatch.setattr(os, "_exit", lambda code: (ends.append(code), heard.set()))
    monkeypatch.setattr(shutdown, "TWICE_SENT", 0)
    running = asyncio.ensure_future(run_until_stopped(nothing(), worn_out))
    worn_out.set()
    await running
    os.kill(os.getpid(), signal.SIGTERM)
    await turns()
    os.kill(os.getpid(), signal.SIGINT)
    await heard.wait()

    assert ends == [128 + signal.SIGINT]


@pytest.mark.parametrize(("error", "has_traceback"), [(StartError("one line"), False), (ValueError("odd"), True)])
def test_a_start_that_fails_ends_with_1_and_says_why(error, has_traceback, caplog):
    @on_the_loop
    async def run():
        assert await run_until_stopped(fail(error), asyncio.Event()) == 1

    with caplog.at_level(logging.ERROR, "server"):
        run()

    assert f"the server could not start: {error}" in caplog.text
    assert ("Traceback" in caplog.text) is has_traceback
