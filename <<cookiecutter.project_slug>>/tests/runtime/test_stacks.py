"""What main can say of each thread: its name, what it runs, for how long, what it waits for, and where it is."""

import os
import socket
import threading
import time
import uuid
from types import SimpleNamespace

import pytest

from runtime.observe import dump, stacks
from runtime.observe.sight import Sight, Work, collapsed
from runtime.observe.stacks import Stacks
from runtime.shared.board import Board, Cell, halves
from tests.runtime.on_loop import on_the_loop
from tests.runtime.threads import running

TASK = uuid.UUID("01900000-0000-7000-8000-000000000001")


class FakeBridge:
    def request_of(self, host, index):
        return f"GET /{host.name}/{index}" if host and host.name.startswith("web") else ""


def host(name, *seats):
    return SimpleNamespace(name=name, assignment=SimpleNamespace(seats=seats))


@pytest.fixture
def board():
    return Board(("default",), seats=5)


@pytest.fixture
def seen(board):
    """Two interpreters, web-1 with two threads, on a board with one seat for main."""
    hosts = [host("web-1", 0, 1), host("default-1", 2)]
    return Stacks(board, FakeBridge(), hosts)


def sit_down(board, seat, thread, task=None):
    row = board.seat(seat)
    row[Cell.THREAD], row[Cell.BUSY_SINCE] = thread, time.monotonic_ns() - 2 * 10**9
    row[Cell.TASK_HIGH], row[Cell.TASK_LOW] = halves(task.int if task else 0)


def do_nothing(stop):
    stop.wait()


def do_this_then_that(stop):
    while not stop.is_set():
        this()
        that()


def this():
    time.sleep(0.01)


def that():
    time.sleep(0.01)


def test_a_task_is_found_by_its_id_in_whatever_form(board, seen):
    with running(do_nothing) as thread:
        sit_down(board, 2, thread, TASK)
        sights = [seen.of_task(str(TASK)), seen.of_task(TASK.hex)]

    for sight in sights:
        assert (sight.name, sight.thread, sight.work.task) == ("default-1", thread, TASK.hex)
        assert 2 <= sight.work.seconds < 60
        assert "do_nothing" in [frame.name for frame in sight.stack]


def test_what_it_waits_for_is_told_in_words(board, seen):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        with client, running(lambda stop: client.recv(1)) as thread:
            sit_down(board, 2, thread, TASK)
            while not (sight := seen.of_task(TASK.hex)).waits:
                threading.Event().wait(0.01)
            client.shutdown(socket.SHUT_RDWR)

    assert sight.waits == f"recv from 127.0.0.1:{port}"
    assert f"task={TASK.hex}" in sight.text
    assert f"waits=recv from 127.0.0.1:{port}\n  File " in sight.text


@pytest.mark.parametrize("task", ["", "x", "0" * 32, str(uuid.uuid7())])
def test_a_task_that_does_not_run_here_has_no_stack(board, seen, task):
    sit_down(board, 2, threading.get_native_id(), TASK)
    sit_down(board, 1, threading.get_native_id())
    board.seat(2)[Cell.BUSY_SINCE] = 0

    assert seen.of_task(task) is None
    assert seen.of_task(TASK.hex) is None


def test_of_two_threads_with_a_task_it_is_the_later_one(board, seen):
    with running(do_nothing) as stuck, running(do_nothing) as later:
        sit_down(board, 3, stuck, TASK)
        sit_down(board, 2, later, TASK)

        assert seen.of_task(TASK.hex).thread == later


def test_a_stack_is_not_taken_for_that_of_a_task_which_has_ended_meanwhile(board, seen, monkeypatch):
    def end_the_task(thread):
        board.seat(2)[Cell.BUSY_SINCE] = 0
        return dump.parse('Stack (most recent call first):\n  File "a.py", line 1 in idle\n')

    monkeypatch.setattr(dump, "stack_of", end_the_task)
    sit_down(board, 2, threading.get_native_id(), TASK)

    assert seen.of_task(TASK.hex) is None


def test_of_an_interpreter_those_threads_are_seen_that_run_something(board, seen):
    with running(do_nothing) as first, running(do_nothing) as second:
        sit_down(board, 0, first)
        sit_down(board, 1, second)
        board.seat(0)[Cell.BUSY_SINCE] = 0
        (sight,) = seen.of_host(seen.hosts[0])

    assert (sight.name, sight.work.request) == ("web-1.2", "GET /web-1/1")


def test_every_thread_is_seen_also_those_without_a_seat_or_a_host(board, seen):
    with running(do_nothing) as seated, running(do_nothing) as written_off, running(do_nothing) as other:
        sit_down(board, 2, seated, TASK)
        sit_down(board, 3, written_off, TASK)
        sights = {sight.thread: sight for sight in seen.all()}

    assert sights[os.getpid()].name == "main"
    assert sights[seated].name == "default-1"
    assert sights[written_off].work.task == TASK.hex
    assert sights[other].work == Work()


def test_a_stack_that_cannot_be_had_stops_nobody(board, seen, monkeypatch, caplog):
    monkeypatch.setattr(dump, "stack_of", lambda thread: 1 / 0)
    sit_down(board, 2, threading.get_native_id(), TASK)

    assert seen.of_host(seen.hosts[1]) == []
    assert "ZeroDivisionError" in caplog.text


def test_all_are_logged(board, seen, monkeypatch):
    events = []
    monkeypatch.setattr(stacks, "event", lambda action, *level, **fields: events.append((action, fields)))
    with running(do_nothing) as thread:
        sit_down(board, 2, thread, TASK)
        seen.show()
        seen.show_late_requests([(seen.hosts[1], 0)])

    *all_threads, end, late = events
    (fields,) = [fields for _, fields in all_threads if fields["thread"] == thread]
    assert fields.items() >= {"interpreter": "default-1", "task": TASK.hex}.items()
    assert "in do_nothing\n    stop.wait()" in fields["stack"]
    assert (end[0], end[1]["threads"]) == ("stacks_shown", len(all_threads))
    assert (late[0], late[1]["thread"]) == ("request_timed_out", thread)


@on_the_loop
async def test_a_profile_counts_how_often_a_task_is_where():
    board = Board(("default",), seats=2)
    seen = Stacks(board, FakeBridge(), [host("default-1", 0)])
    with running(do_this_then_that) as thread:
        sit_down(board, 0, thread, TASK)
        lines = (await seen.profile(str(TASK), seconds=1, every=0.003)).splitlines()

    counts = {stack.rpartition(" ")[0].split(";")[-1]: int(stack.rpartition(" ")[2]) for stack in lines}
    file = "tests/runtime/test_stacks.py"
    assert counts[f"this ({file})"] > 20
    assert counts[f"that ({file})"] > 20
    assert any(f";do_this_then_that ({file});this ({file}) " in line for line in lines)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


@on_the_loop
async def test_a_profile_ends_with_its_task():
    board = Board(("default",), seats=2)
    seen = Stacks(board, FakeBridge(), [])

    assert await seen.profile(str(TASK), seconds=3600) == ""


def test_a_semicolon_in_a_name_does_not_split_a_collapsed_stack():
    stack = dump.parse('Stack (most recent call first):\n  File "/x;y/a.py", line 1 in f\n')

    assert collapsed(stack) == "f (/x,y/a.py)"


def test_what_is_not_known_is_not_told():
    stack = dump.parse('Stack (most recent call first):\n  File "a.py", line 1 in f\n')

    assert Sight("main", 7, Work(), "", stack).fields() == {"interpreter": "main", "thread": 7}
