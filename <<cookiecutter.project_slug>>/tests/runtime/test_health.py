"""What the main interpreter answers by itself."""

import asyncio

import pytest

from runtime.observe.health import Health
from runtime.shared import descriptors
from runtime.shared.board import Board


class Storage:
    def __init__(self):
        self.wrong = []

    async def problems(self):
        return self.wrong


class Answer:
    def response_str(self, status, headers, text):
        self.status, self.headers, self.text = status, dict(headers), text


@pytest.fixture
def health():
    housekeeper = descriptors.event()
    yield Health(Board(("default",), seats=1), housekeeper, Storage())
    descriptors.os.close(housekeeper)


def ask(health, path):
    answer = Answer()
    asyncio.run(health.answers[path](answer))
    return answer


@pytest.mark.parametrize("path", ["/healthz", "/up"])
def test_it_lives(health, path):
    answer = ask(health, path)

    assert (answer.status, answer.text) == (200, "ok\n")
    assert answer.headers["cache-control"] == "no-store"


def test_before_the_supervisor_has_started_it_is_not_ready(health):
    answer = ask(health, "/readyz")

    assert (answer.status, answer.text) == (503, "the server is starting\n")


def test_it_is_ready_when_nothing_is_missing(health):
    health.unready = list

    assert (ask(health, "/readyz").status, ask(health, "/readyz").text) == (200, "ok\n")


def test_it_says_all_that_is_missing(health):
    health.unready = lambda: ["no interpreter of web is ready", "no interpreter of default is ready"]
    answer = ask(health, "/readyz")

    assert answer.status == 503
    assert answer.text == "no interpreter of web is ready\nno interpreter of default is ready\n"


def test_it_says_what_cannot_be_written(health):
    health.unready = list
    health.storage.wrong = ["the database: database is locked", "DATA_DIR: No space left on device"]
    answer = ask(health, "/readyz")

    assert answer.status == 503
    assert answer.text == "the database: database is locked\nDATA_DIR: No space left on device\n"


def test_metrics_ask_for_fresh_counts_and_do_without_them(health):
    answer = ask(health, "/metrics")

    assert descriptors.take(health.housekeeper) is True
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "queue_ready" in answer.text


def test_metrics_are_written_after_the_fresh_counts(health):
    async def count_when_asked():
        answer = Answer()
        writing = asyncio.ensure_future(health.answers["/metrics"](answer))
        while not descriptors.take(health.housekeeper):
            await asyncio.sleep(0)
        health.metrics.board.gauges("default")[0] = 42
        health.counted.set()
        await writing
        return answer

    assert 'queue_ready{queue="default"} 42' in asyncio.run(count_when_asked()).text


def test_metrics_that_are_asked_for_together_are_each_answered(health):
    async def ask_together():
        answers = [Answer() for _ in range(5)]
        await asyncio.gather(*(health.answers["/metrics"](answer) for answer in answers))
        return answers

    assert {answer.status for answer in asyncio.run(ask_together())} == {200}
