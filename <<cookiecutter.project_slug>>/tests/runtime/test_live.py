"""Streams of events from main to pages."""

import asyncio
import json
import time
from urllib.parse import urlsplit

import pytest

from runtime.http import live
from runtime.http.live import Live, is_signed, signature
from tasks.live import live_key, live_url
from tests.runtime.on_loop import on_the_loop, turns
from tests.runtime.web_side import Client

KEY = "a key"


class Topic:
    """Tells every stream what the test puts into `news`."""

    def __init__(self):
        self.news, self.looks, self.closed = b"", 0, []

    def look(self):
        self.looks += 1

    def feed(self, subject):
        try:
            while True:
                yield self.news
        finally:
            self.closed.append(subject)


class Page(Client):
    """An open page."""

    def __init__(self, subject="", topic="numbers", method="GET"):
        path, until = f"/live/{topic}/{subject}", int(time.time()) + 60
        super().__init__(path)
        self.scope.method = method
        self.scope.query_string = f"until={until}&signature={signature(KEY, path, until)}"
        self.leaving = asyncio.Event()

    async def client_disconnect(self):
        await self.leaving.wait()

    async def has(self, text):
        while text not in self.content:
            await asyncio.sleep(0.001)


@pytest.fixture
def topic(monkeypatch):
    monkeypatch.setattr(live, "LOOK_EVERY", 0.001)
    return Topic()


def opened(server, page):
    return asyncio.get_running_loop().create_task(server.answer(page.scope, page, KEY))


@on_the_loop
async def test_a_page_hears_what_changes_until_it_leaves(topic):
    server, page = Live({"numbers": topic}), Page("1,2")
    stream = opened(server, page)
    await page.has(b"retry: 1000\n\n")
    topic.news = b"data: 1\n\n"
    await page.has(b"data: 1\n\n")
    page.leaving.set()
    await stream

    assert (page.status, dict(page.headers)["content-type"]) == (200, "text/event-stream")
    assert (server.streams, topic.closed) == (set(), ["1,2"])


@on_the_loop
async def test_one_look_serves_all_and_nothing_looks_without_pages(topic):
    server, pages = Live({"numbers": topic}), [Page(), Page(), Page()]
    streams = [opened(server, page) for page in pages]
    topic.news = b"data: 1\n\n"
    for page in pages:
        await page.has(b"data: 1\n\n")
    looks = [topic.looks]
    server._ask_all(0)
    looks.append(topic.looks)
    for page in pages:
        page.leaving.set()
    await asyncio.gather(*streams)
    while server.rounds is not None:  # the last round may be over already
        await turns(1)

    assert looks[1] == looks[0] + 1


@on_the_loop
async def test_what_is_silent_for_long_gets_a_comment(topic, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT", 0)
    server, page = Live({"numbers": topic}), Page()
    stream = opened(server, page)
    await page.has(b":\n\n")
    page.leaving.set()
    await stream


@on_the_loop
async def test_a_stop_ends_the_streams_and_lets_in_no_more(topic):
    server, page, late = Live({"numbers": topic}), Page(), Page()
    stream = opened(server, page)
    await page.has(b"retry")
    server.stop()
    await stream
    await opened(server, late)

    assert late.status == 503
    assert dict(late.headers)["retry-after"] == "5"


@on_the_loop
async def test_one_page_more_than_may_be_open_is_refused(topic, monkeypatch):
    monkeypatch.setattr(live, "MOST_STREAMS", 2)
    server, pages = Live({"numbers": topic}), [Page(), Page(), Page()]
    streams = [opened(server, page) for page in pages]
    await turns()
    statuses = [page.status for page in pages]
    server.stop()
    await asyncio.gather(*streams)

    assert statuses == [200, 200, 503]
    assert set(json.loads(pages[2].content)["error"]) == {"type", "message"}


@on_the_loop
async def test_a_stream_ends_after_so_much_as_nobody_knows_whether_it_is_read(topic, monkeypatch):
    monkeypatch.setattr(live, "MOST_BYTES", 1000)
    server, page = Live({"numbers": topic}), Page()
    topic.news = b"data: 0123456789\n\n"
    await opened(server, page)

    assert 1000 < len(page.content) < 1100


@on_the_loop
async def test_a_client_that_goes_while_it_is_told_something_is_forgotten(topic):
    server, page = Live({"numbers": topic}), Page()
    topic.news, page.has_left = b"data: 1\n\n", True
    await opened(server, page)

    assert server.streams == set()


@on_the_loop
async def test_a_feed_that_fails_ends_the_streams_and_the_next_page_is_served(topic, caplog):
    server, page, next_page = Live({"numbers": topic}), Page(), Page()
    topic.news = None
    await opened(server, page)
    topic.news = b"data: 1\n\n"
    stream = opened(server, next_page)
    await next_page.has(b"data: 1\n\n")
    server.stop()
    await stream

    assert "what live pages are told cannot be told" in caplog.text


def tampered(page):
    page.scope.path += "3"


def expired(page):
    path, until = page.scope.path, int(time.time())
    page.scope.query_string = f"until={until}&signature={signature(KEY, path, until)}"


def unsigned(page):
    page.scope.query_string = ""


def strange(page):
    page.scope.query_string = "until=²&signature=é"


@on_the_loop
async def test_only_a_signed_address_is_answered(topic):
    server = Live({"numbers": topic})
    for change in (tampered, expired, unsigned, strange):
        page = Page("1,2")
        change(page)
        await opened(server, page)
        assert page.status == 403
    for page in (Page(topic="other"), Page(method="POST")):
        await opened(server, page)
        assert page.status == 403


def test_what_the_web_signs_main_accepts():
    address = urlsplit(live_url("tasks", "1,2"))

    assert address.path == "/live/tasks/1,2"
    assert is_signed(live_key(), address.path, address.query)
    assert not is_signed("another key", address.path, address.query)
