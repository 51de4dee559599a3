"""Tasks that do not end by themselves: which rung of the ladder frees them, and what becomes of their interpreter."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.server import PROJECT, running
from tests.site import gates


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture
def silent_port():
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def assert_timed_out(state, freed_by):
    assert state["status"] == "FAILED"
    assert state["error"]["type"] == "tasks.errors.TaskTimeout"
    assert freed_by in state["error"]["message"]


@pytest.mark.parametrize(
    ("task", "freed_by"),
    [
        ("endless_python", "raised"),
        ("endless_statement", "database interrupted"),
        ("slow_child", "child ended"),
    ],
)
def test_it_is_ended_and_its_interpreter_goes_on(server, task, freed_by):
    before = server.wait_for_task(server.enqueue("which_interpreter"))["result"]
    assert_timed_out(server.wait_for_task(server.enqueue(task)), freed_by)

    assert server.wait_for_task(server.enqueue("which_interpreter"))["result"] == before
    assert server.metric("interpreter_abandoned") == 0


@pytest.mark.parametrize("task", ["silent_peer", "silent_peer_with_timeout"])
def test_a_read_from_a_silent_peer_is_ended_and_its_interpreter_goes_on(server, silent_port, task):
    before = server.wait_for_task(server.enqueue("which_interpreter"))["result"]
    assert_timed_out(server.wait_for_task(server.enqueue(task, silent_port)), "socket shut")

    assert server.wait_for_task(server.enqueue("which_interpreter"))["result"] == before


def test_a_running_task_is_cancelled(server):
    task = server.enqueue("endless")
    server.wait_for_task(task, "RUNNING")
    server.client.post(f"/api/tasks/{task}/cancel/")
    state = server.wait_for_task(task)

    assert (state["status"], state["error"]["type"]) == ("FAILED", "tasks.errors.TaskCancelled")
    server.wait_for_task(server.enqueue("add", 1, 2))  # counters follow the row
    assert server.metric("tasks_total", queue="default", outcome="cancelled") == 1


def test_a_cancelled_task_that_is_run_again_by_the_same_thread_is_not_cancelled_again(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = server.enqueue("hear_from", listener.getsockname()[1])
        with listener.accept()[0]:
            server.client.post(f"/api/tasks/{task}/cancel/")
            assert server.wait_for_task(task)["status"] == "FAILED"
        server.client.post(f"/api/tasks/{task}/retry/")
        with listener.accept()[0] as peer:
            peer.sendall(b"x")
            assert server.wait_for_task(task)["result"] == "x"


def test_a_task_in_c_code_is_written_off_with_its_interpreter(tmp_path):
    with running(tmp_path) as server:
        before = server.wait_for_task(server.enqueue("which_interpreter"))["result"]
        assert_timed_out(server.wait_for_task(server.enqueue("sleep_in_c")), "abandoned")
        assert_timed_out(server.wait_for_task(server.enqueue("regular_expression")), "abandoned")

        assert server.wait_for_task(server.enqueue("which_interpreter"))["result"] != before
        assert server.metric("interpreter_abandoned") == 2
        assert server.metric("tasks_total", queue="default", outcome="timeout") == 2
        assert server.stop() == 0


def test_with_too_many_written_off_it_drains_and_leaves_with_75(tmp_path):
    with running(tmp_path) as server:
        for _ in range(5):
            server.enqueue("sleep_in_c")
        assert server.wait_exit() == os.EX_TEMPFAIL
    with running(tmp_path) as server:
        assert server.client.get("/healthz").status_code == 200


def test_a_request_that_never_comes_back_gets_a_504_and_others_are_served(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", WEB_REQUEST_TIMEOUT="0.5", WEB_INTERPRETERS="1", WEB_THREADS="2") as server:
        stuck = server.client.get(f"/test/wait{gate}")
        assert (stuck.status_code, stuck.json()["error"]["type"]) == (504, "Timeout")
        assert server.client.get("/test/interpreter").status_code == 200
        server.wait_for("interpreter_abandoned", interpreter="web-1")
        assert server.client.get("/test/interpreter").status_code == 200


def test_a_request_in_python_code_is_ended_in_its_thread(tmp_path):
    with running(tmp_path, WEB_REQUEST_TIMEOUT="0.5") as server:
        assert server.client.get("/test/endless").status_code == 504
        served = (server.client.get("/test/interpreter").json()["interpreter"] for _ in range(5000))
        seen: set[int] = set()
        while len(seen) < 2:  # the other one until this one is free again
            seen.add(next(served))
        assert server.metric("interpreter_abandoned") == 0


def test_a_task_is_cancelled_while_the_server_drains(tmp_path, silent_port):
    """From another process: the web of a server that stops takes no more requests."""
    with running(tmp_path) as server:
        task = server.enqueue("read_from", silent_port)
        server.wait_for_task(task, "RUNNING")
        server.send(signal.SIGTERM)
        server.wait_for("stopping")
        code = "from tasks.control import cancel; from tasks.models import TaskRecord as T; "
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", f"{code}cancel(T.objects.get(pk='{task}'))"]
        subprocess.run(command, cwd=PROJECT, env=server.environment, check=True)
        assert server.wait_exit() == 0
    with running(tmp_path) as server:
        assert server.wait_for_task(task)["error"]["type"] == "tasks.errors.TaskCancelled"
