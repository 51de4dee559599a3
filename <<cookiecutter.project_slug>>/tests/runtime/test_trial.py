"""An interpreter tried in a process of its own."""

import time

import pytest

from runtime.questions import trial
from runtime.questions.trial import try_out

ONLY_ONCE = """
import _interpreters
def load():
    mine = _interpreters.get_current()[0]
    return {"first": mine == min(number for number, _ in _interpreters.list_all() if number)}
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(text) writes the module `tried`, which a trial can import."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return (tmp_path / "tried.py").write_text


@pytest.mark.parametrize("kind", ["isolated", "legacy", "main"])
def test_the_function_answers_from_an_interpreter_of_the_kind(module, kind):
    module("import _interpreters\ndef load(text): return {text: _interpreters.get_current()[0] != 0}\n")
    found = try_out(kind, "tried:load", "äöü")

    assert (found.answer, found.error) == ({"äöü": kind != "main"}, "")


def test_what_it_costs_is_measured(module):
    module("import time\nkept = bytearray(30_000_000)\ndef load():\n    sum(range(3_000_000))\n    return {'ok': 1}\n")
    found = try_out("isolated", "tried:load")

    assert 28 < found.megabytes < 40
    assert found.milliseconds > 10


def test_a_legacy_interpreter_is_tried_beside_another_one(module):
    module(ONLY_ONCE)

    assert try_out("isolated", "tried:load").answer == {"first": True}
    assert try_out("legacy", "tried:load").answer == {"first": False}


def test_what_imported_code_prints_is_no_part_of_the_answer(module):
    module("print('hello')\ndef load(): return {'ok': 1}\n")

    assert try_out("isolated", "tried:load").answer == {"ok": 1}


@pytest.mark.parametrize("kind", ["isolated", "main"])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise MemoryError", "emory"),
        ("import os; os.abort()", "ends its process with SIGABRT"),
        ("import os; os._exit(7)", "ends its process with 7"),
    ],
)
def test_what_ends_it_is_an_answer(module, kind, text, error):
    module(text)
    found = try_out(kind, "tried:load")

    assert error in found.error
    assert found.answer == {}


def test_what_does_not_come_back_is_given_up(module, monkeypatch):
    monkeypatch.setattr(trial, "LONGEST", 1)
    module("import threading; threading.Event().wait()")
    started = time.monotonic()

    assert try_out("isolated", "tried:load").error == "does not come back within 1 seconds"
    assert time.monotonic() - started < 30


def test_a_database_that_is_away_is_one_line_without_the_password(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://user:secret@127.0.0.1:1/shop")
    found = try_out("isolated", "runtime.interpreter.inside:call", "runtime.questions.probe:start")
    (problem,) = found.answer["problems"]

    assert problem["text"].startswith("the database: OperationalError: connection failed")
    assert "\n" not in problem["text"]
    assert "secret" not in problem["text"]


def test_a_database_that_answers_is_named(address, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", address)
    found = try_out("isolated", "runtime.interpreter.inside:call", "runtime.questions.probe:start")

    assert found.answer["problems"] == []
    assert found.answer["database"][0].startswith("PostgreSQL 1")
