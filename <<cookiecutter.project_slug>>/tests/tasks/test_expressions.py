"""When a recurring task runs: intervals, cron expressions, time zones, the days on which a clock is set."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.tasks.exceptions import InvalidTask
from hypothesis import given
from hypothesis import strategies as st

from tasks.expressions import Cron, Every, parse

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
FORWARD, BACK = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)  # 02:00 → 03:00 → 02:00

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"])


def times(when, start, number):
    """The first times after `start`."""
    found = []
    for _ in range(number):
        start = when.after(start)
        found.append(start)
    return found


def clock(moments, zone=BERLIN):
    return [f"{each.astimezone(zone):%d %H:%M}" for each in moments]


@pytest.mark.parametrize(
    ("interval", "now", "expected"),
    [
        ("1s", "12:00:00.5", "12:00:01"),
        ("30s", "12:00:29.999999", "12:00:30"),
        ("10m", "12:00", "12:10"),
        ("10m", "12:09:59", "12:10"),
        ("6h", "12:00:01", "18:00"),
    ],
)
def test_an_interval_goes_by_the_clock_and_not_by_the_start(interval, now, expected):
    day = "2026-11-21T{}+00:00"

    assert Every(interval).after(datetime.fromisoformat(day.format(now))) == datetime.fromisoformat(
        day.format(expected)
    )


def test_a_day_begins_at_midnight_utc():
    assert times(Every("1d"), NOON, 2) == [datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)]


@pytest.mark.parametrize("interval", ["", "10", "m", "0m", "-1m", "1.5h", "10 m", "10M", "1w", "1h30m", "９s", 600])
def test_a_wrong_interval_is_refused(interval):
    with pytest.raises(InvalidTask, match="a number and one of s, m, h, d"):
        Every(interval)


def test_a_cron_expression_goes_by_the_clock_of_its_zone():
    summer = datetime(2026, 7, 1, tzinfo=UTC)

    assert Cron("0 3 * * *", "Europe/Berlin").after(NOON) == datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert Cron("0 3 * * *", "Europe/Berlin").after(summer) == datetime(2026, 7, 1, 1, tzinfo=UTC)
    assert Cron("0 3 * * *", "UTC").after(summer) == datetime(2026, 7, 1, 3, tzinfo=UTC)
    assert Cron("0 0 * * mon#1", "UTC").after(NOON) == datetime(2026, 12, 7, tzinfo=UTC)


def test_a_time_that_the_day_has_not_is_made_up_for_at_once():
    when = Cron("30 2 * * *", "Europe/Berlin")

    assert clock(times(when, FORWARD - timedelta(days=1), 3)) == ["28 02:30", "29 03:00", "30 02:30"]


def test_a_time_that_the_day_has_twice_counts_once():
    when = Cron("30 2 * * *", "Europe/Berlin")
    first, following = times(when, BACK, 2)

    assert clock([first, following]) == ["25 02:30", "26 02:30"]
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first of the two
    for minutes in (1, 30, 45, 59, 60, 61, 119):  # a server that starts in between
        assert when.after(first + timedelta(minutes=minutes)) == following


def test_what_runs_every_hour_goes_on_evenly():
    for day, number in ((FORWARD, 4), (BACK, 4)):
        found = times(Cron("0 * * * *", "Europe/Berlin"), day, number)
        assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("expression", "zone", "said"),
    [
        ("0 3 * *", "UTC", "five fields"),
        ("0 0 3 * * *", "UTC", "five fields"),
        ("61 3 * * *", "UTC", "Bad minute"),
        ("0 3 * * someday", "UTC", "Bad day-of-week"),
        ("0 0 31 4 *", "UTC", "Bad day-of-month"),
        ("0 0 30 2 *", "UTC", "Bad day-of-month"),
        ("0 3 * * *", "Europe/Bonn", "no time zone 'Europe/Bonn'"),
        ("0 3 * * *", "../secrets", "no time zone"),
        ("0 3 * * *", "Europe", "no time zone"),
    ],
)
def test_a_wrong_expression_is_refused(expression, zone, said):
    with pytest.raises(InvalidTask, match=said):
        Cron(expression, zone)


@pytest.mark.parametrize("when", [Every("10m"), Cron("0 3 * * *", "Europe/Berlin"), Cron("*/5 1-3 L * *", "UTC")])
def test_it_is_read_back_from_its_text(when):
    assert parse(str(when)) == when


@given(now=MOMENTS, zone=ZONES, expression=st.sampled_from(["30 2 * * *", "0 0 * * *", "*/20 * * * *", "15 */3 1 * *"]))
def test_the_next_time_is_always_later_and_none_lies_between(now, zone, expression):
    when = Cron(expression, zone)
    following = when.after(now)

    assert following > now
    assert when.after(now + (following - now) / 2) == following


@given(now=MOMENTS, interval=st.sampled_from(["1s", "7s", "45m", "6h", "3d", "99999d"]))
def test_the_next_interval_is_always_later_and_none_lies_between(now, interval):
    following = Every(interval).after(now)

    assert following > now
    assert Every(interval).after(following - timedelta(microseconds=1)) == following
