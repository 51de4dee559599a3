"""The topics of the operations page."""

import json

import pytest

from runtime.observe import live_overview
from runtime.observe.live_overview import LiveOverview, LiveProfile
from tests.runtime.on_loop import on_the_loop, turns


class FakeOverview:
    def __init__(self):
        self.taken = 0

    def live(self):
        self.taken += 1
        return {"taken": self.taken}


class FakeStacks:
    async def profile(self, task, seconds):
        return f"{task} for {seconds:g} s\n"


@pytest.fixture
def clock(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    return clock


def content(event):
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return json.loads(event[6:])


def test_the_state_is_made_once_a_second_for_all_pages(clock):
    topic = LiveOverview(FakeOverview())
    feeds = [topic.feed("") for _ in range(12)]
    topic.look()
    first = [next(feed) for feed in feeds]
    clock[0] += live_overview.EVERY / 2
    topic.look()
    nothing = {next(feed) for feed in feeds}
    clock[0] += live_overview.EVERY
    topic.look()
    late = topic.feed("")

    assert {id(event) for event in first} == {id(first[0])}
    assert content(first[0]) == {"taken": 1}
    assert nothing == {b""}
    assert {content(next(feed))["taken"] for feed in (*feeds, late)} == {2}
    assert topic.overview.taken == 2


@on_the_loop
async def test_a_profile_is_one_event():
    feed = LiveProfile(FakeStacks()).feed("0199")
    assert next(feed) == b""
    await turns()

    assert content(next(feed)) == "0199 for 5 s\n"
    assert next(feed) == b""


@on_the_loop
async def test_who_goes_away_ends_the_profile():
    ended = []

    class Endless:
        async def profile(self, task, seconds):
            try:
                await turns(10**9)
            finally:
                ended.append(task)

    feed = LiveProfile(Endless()).feed("0199")
    next(feed)
    await turns()
    feed.close()
    await turns()

    assert ended == ["0199"]
