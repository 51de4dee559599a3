"""The stack of a thread, whatever it is doing."""

import contextlib
import itertools
import re
import signal
import socket
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest

from runtime.interpreter.host import create
from runtime.observe import dump
from tests.runtime.threads import PATIENCE, running


def compute(stop):
    while not stop.is_set():
        sum(range(100))


def wait_for_event(stop):
    stop.wait()


def sleep(stop):
    while not stop.is_set():
        time.sleep(0.05)


def run_statements(stop):
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        while not stop.is_set():
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT max(i) FROM n"
            ).fetchall()


def match_expressions(stop):
    while not stop.is_set():
        re.match(r"(a+)+$", "a" * 18 + "b")


def go_down(stop, depth=300):
    return go_down(stop, depth - 1) if depth else stop.wait()


def names(stack):
    return [frame.name for frame in stack]


def once(function, condition):
    """What the function returns, once the condition holds for it."""
    for _ in range(PATIENCE * 100):
        if condition(value := function()):
            return value
        threading.Event().wait(0.01)
    raise AssertionError(value)


@pytest.mark.parametrize("function", [compute, wait_for_event, sleep, run_statements, match_expressions])
def test_a_thread_is_seen_in_what_it_does(function):
    with running(function) as thread:
        stacks = [once(lambda: dump.stack_of(thread), lambda stack: stack and function.__name__ in names(stack))]
        stacks += [dump.stack_of(thread) for _ in range(20)]

    assert all(function.__name__ in names(stack) for stack in stacks if stack)
    assert {stack[0].name for stack in stacks if stack} == {"_bootstrap"}  # whole ones
    assert len([stack for stack in stacks if stack]) > 15


def test_the_outermost_frame_comes_first_and_lines_have_their_source():
    with running(wait_for_event) as thread:
        stack = once(lambda: dump.stack_of(thread), lambda stack: "wait" in names(stack))

    assert names(stack).index("_bootstrap") < names(stack).index("run") < names(stack).index("wait_for_event")
    assert "in wait_for_event\n    stop.wait()\n" in dump.in_text(stack)


def test_a_sleep_keeps_its_length_and_a_read_goes_on():
    ours, theirs = socket.socketpair()
    slept, received = [], []

    def sleep_and_read(stop):
        started = time.monotonic()
        time.sleep(0.3)
        slept.append(time.monotonic() - started)
        received.append(ours.recv(1))

    with ours, theirs, running(sleep_and_read) as thread:
        stacks = 0
        while not slept:
            stacks += dump.stack_of(thread) is not None
        for _ in range(20):
            dump.stack_of(thread)
        theirs.send(b"x")

    assert stacks > 20
    assert 0.3 <= slept[0] < 1
    assert received == [b"x"]


def test_an_interpreter_that_holds_its_gil_in_c_code_is_seen_and_can_be_closed():
    interpreter = create("isolated")
    code = "def search():\n    import re\n    re.match('(a+)+$', 'a' * 25 + 'b')\nsearch()"
    with running(lambda stop: interpreter.exec(code)) as thread:
        stack = once(lambda: dump.stack_of(thread), lambda stack: stack and "search" in names(stack))
    interpreter.close()

    assert names(stack)[:2] == ["<module>", "search"]


def test_interpreters_may_come_and_go_meanwhile():
    seen = []

    def come_and_go(stop):
        for _ in range(15):
            interpreter = create("isolated")
            interpreter.exec("import json; json.loads('[1]')")
            interpreter.close()
        seen.append(threading.get_native_id())

    with running(come_and_go) as thread:
        while not seen:
            dump.stack_of(thread)


def test_of_a_deep_stack_the_innermost_hundred_frames_are_seen():
    with running(go_down) as thread:
        stack = once(lambda: dump.stack_of(thread), lambda stack: "wait" in names(stack))

    assert len(stack) == 100
    assert names(stack)[0] == "go_down"


def test_a_thread_that_has_ended_has_no_stack():
    with running(lambda stop: None) as thread:
        pass

    assert dump.stack_of(thread) is None


def test_a_thread_that_does_not_take_the_signal_is_given_up_and_never_gets_it(monkeypatch):
    monkeypatch.setattr(dump, "LONGEST", 0.05)
    blocked = threading.Event()

    def refuse(stop):
        signal.pthread_sigmask(signal.SIG_BLOCK, [dump.SIGNAL])
        blocked.set()
        stop.wait()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [dump.SIGNAL])

    with running(refuse) as thread:
        assert blocked.wait(PATIENCE)
        assert dump.stack_of(thread) is None
    assert dump._pipe().read() == ""
    assert dump.stack_of(threading.get_native_id()) is not None


def test_what_was_written_while_main_had_no_turn_is_not_missed(monkeypatch):
    """It looked into the pipe too early and got its next turn when all was over, long afterwards."""
    clock, looks = itertools.count(step=0.1), iter([[], [(0, 1)]])
    pipe = SimpleNamespace(read=lambda: "stack", poll=SimpleNamespace(poll=lambda seconds: next(looks)))
    monkeypatch.setattr(dump, "_libc", SimpleNamespace(tgkill=lambda *arguments: 0))
    monkeypatch.setattr(dump, "_is_in_hand", lambda thread: False)
    monkeypatch.setattr(dump.time, "monotonic", lambda: next(clock))

    assert dump._ask(1, pipe) == "stack"


def test_names_that_are_not_ascii_are_read():
    stack = dump.parse(
        'Stack (most recent call first):\n  File "/srv/m\\xfcller/\\u4e00.py", line 7 in gr\\xf6\\xdfe\n'
    )

    assert (stack[0].filename, stack[0].lineno, stack[0].name) == ("/srv/müller/一.py", 7, "größe")


def test_a_line_that_is_not_known_is_0():
    assert dump.parse('Stack (most recent call first):\n  File "<x>", line ??? in f\n')[0].lineno == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Stack (most recent call first):\n",
        "Stack (most recent call first):\n  <no Python frame>\n",
        'Stack (most recent call first):\n  File "a.py", line 1 in f\n  <invalid frame>\n',
        'Stack (most recent call first):\n  File "a.py", line 1 in f\n  File "b.',
    ],
)
def test_what_is_no_whole_stack_is_none(text):
    assert dump.parse(text) is None
