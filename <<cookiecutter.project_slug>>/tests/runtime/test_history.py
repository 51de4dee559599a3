"""The last hour in figures: what the charts of the operations page show."""

import json

import pytest

from runtime.observe.history import KEPT, History, quantile
from runtime.observe.metrics import WebMetrics
from runtime.shared.board import BUCKETS, OUTCOMES, Board


@pytest.fixture
def now(monkeypatch):
    """A clock that goes when it is told to."""
    clock = [1000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def history(now):
    return History(Board(("critical", "default"), seats=2), WebMetrics())


def take(history, now, seconds=10.0):
    now[0] += seconds
    history.look()


def test_a_point_is_what_happened_since_the_one_before(history, now):
    for seconds in (0.004, 0.004, 0.004, 0.2):
        history.web.count(200, seconds)
    history.board.count_outcome(0, "default", "successful", number=3)
    history.board.count_outcome(1, "critical", "failed")
    take(history, now)
    take(history, now)
    shown = json.loads(history.as_json())

    assert (shown["taken"], shown["every"], shown["end"]) == (3, 10, 1020)
    assert shown["requests"] == [0.4, 0]
    assert shown["p50"][0] == pytest.approx(4.17, abs=0.01)
    assert 100 < shown["p99"][0] <= 250
    assert (shown["p50"][1], shown["p99"][1]) == (None, None)
    assert shown["successful"] == [18, 0]
    assert shown["failed"] == [6, 0]
    assert all(shown[name] == [0, 0] for name in OUTCOMES if name not in ("successful", "failed"))


def test_a_sample_is_taken_every_ten_seconds_however_often_it_looks(history, now):
    for _ in range(4 * 25):
        take(history, now, 0.25)

    assert json.loads(history.as_json())["taken"] == 3


def test_it_keeps_an_hour(history, now):
    for _ in range(KEPT + 5):
        take(history, now)

    assert len(json.loads(history.as_json())["requests"]) == 360


def test_the_rate_of_a_queue_is_that_of_the_last_minute(history, now):
    history.board.count_outcome(0, "default", "successful", number=1000)
    for _ in range(8):
        take(history, now)
    history.board.count_outcome(0, "default", "successful", number=120)
    now[0] += 5

    assert history.rate("default") == pytest.approx(120 / 55, abs=0.01)
    assert history.rate("critical") == 0


@pytest.mark.parametrize(
    ("number", "share", "expected"),
    [(0, 0.5, 0.5), (1, 0.99, 2.485), (len(BUCKETS), 0.5, 600_000)],
)
def test_a_quantile_lies_within_its_bucket(number, share, expected):
    buckets = [0] * (len(BUCKETS) + 1)
    buckets[number] = 7

    assert quantile(buckets, share) == pytest.approx(expected, abs=0.01)
    assert quantile([0] * len(buckets), share) is None
