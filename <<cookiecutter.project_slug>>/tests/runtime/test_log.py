"""Lines of the log, as text and as JSON."""

import io
import json
import logging
import logging.config
import sys
import threading

import pytest

from runtime.shared import log


@pytest.fixture
def lines(monkeypatch, request):
    """What a server that logs in the given format writes; the way of logging is put back afterwards."""
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logging.config.dictConfig(log.configuration(request.param))
    yield lambda: stream.getvalue().splitlines()
    root.handlers[:] = handlers
    root.setLevel(level)


as_json = pytest.mark.parametrize("lines", ["json"], indirect=True)
as_text = pytest.mark.parametrize("lines", ["text"], indirect=True)


@as_json
def test_an_event_is_one_line_with_its_fields(lines):
    log.event("interpreter_ready", interpreter="web-1", seconds=0.25)
    (line,) = lines()
    content = json.loads(line)

    assert content["message"] == "interpreter_ready interpreter=web-1 seconds=0.25"
    assert content.items() >= {"action": "interpreter_ready", "interpreter": "web-1", "seconds": 0.25}.items()
    assert {"time", "level", "logger"} <= set(content)


@as_json
def test_a_line_says_which_interpreter_it_is_from(lines):
    thread = threading.Thread(target=logging.getLogger("tasks").warning, args=("a %s", "word"), name="default-1")
    thread.start()
    thread.join()
    content = json.loads(lines()[0])

    assert (content["interpreter"], content["level"], content["message"]) == ("default-1", "WARNING", "a word")


@as_json
def test_an_error_with_its_traceback_is_one_line(lines):
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.logger.exception("it has failed")
    (line,) = lines()

    assert "ValueError: two\nlines" in json.loads(line)["traceback"]


@as_json
def test_what_is_no_json_is_written_as_text(lines):
    log.event("stopped", where=ValueError("odd"))

    assert json.loads(lines()[0])["where"] == "odd"


@as_text
def test_an_event_is_readable_as_text(lines):
    log.event("stopping", seconds=30.0)

    assert lines()[0].endswith("server: stopping seconds=30.0")


@as_json
def test_a_stack_is_a_field_of_its_own(lines):
    log.event("stack", interpreter="web-1", stack="  File a\n  File b\n")
    content = json.loads(lines()[0])

    assert content["message"] == "stack interpreter=web-1"
    assert content["stack"] == "  File a\n  File b\n"


@as_text
def test_a_stack_stands_below_its_line(lines):
    log.event("stack", interpreter="web-1", stack="  File a\n  File b\n")

    assert lines()[0].endswith("server: stack interpreter=web-1")
    assert lines()[1:] == ["  File a", "  File b"]


@as_text
def test_levels(lines):
    log.logger.debug("not said")
    log.event("not_said", level=logging.DEBUG)
    logging.getLogger("django.tasks").info("not said")
    log.event("said", level=logging.ERROR)

    assert len(lines()) == 1
    assert "ERROR" in lines()[0]
