"""What people read at a terminal: tables that fit, colour only where it is shown."""

import io

import pytest

from runtime.questions.status import duration
from runtime.shared import terminal
from runtime.shared.plan import WorkerPool
from runtime.start.command import introduction
from tests.runtime.make import make_plan


class Terminal(io.StringIO):
    def isatty(self):
        return True


ROWS = [["default-1", "busy", "7"], ["web-1", "ready", "1,234"]]


def test_a_table_fits_its_cells_and_is_plain_where_it_is_piped():
    assert terminal.table(("name", "state", ">done"), ROWS, io.StringIO()).splitlines() == [
        "name       state   done",
        "default-1  busy       7",
        "web-1      ready  1,234",
    ]


def test_a_terminal_gets_the_same_text_in_colour(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    head, busy, ready = terminal.table(("name", "state", ">done"), ROWS, Terminal()).splitlines()

    assert head.startswith("\x1b[1mname     \x1b[0m")
    assert "\x1b[33mbusy \x1b[0m" in busy
    assert "\x1b[32mready\x1b[0m" in ready


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colour_gets_none(monkeypatch, name, value):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)

    assert "\x1b" not in terminal.table(("name", "state", ">done"), ROWS, Terminal())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10.0 s"), (42.4, "42 s"), (90, "2 min"), (5400, "2 h"), (172_800, "2 d")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_start_says_what_runs_where_and_which_address_to_open(tmp_path):
    slow = WorkerPool(name="slow", queues=("exports", "mail"), count=(0, 3), interpreter="legacy")
    lines = introduction(make_plan(tmp_path, slow), "http://localhost:8000").splitlines()

    assert [line.split() for line in lines if line.startswith(("web", "slow"))] == [
        ["web", "2", "×", "2", "threads", "isolated", "requests"],
        ["slow", "0", "to", "3", "legacy", "exports,", "mail"],
    ]
    assert "http://localhost:8000" in lines
    assert "no web" in introduction(make_plan(tmp_path, slow, roles=("workers",)), "http://localhost:8000")
