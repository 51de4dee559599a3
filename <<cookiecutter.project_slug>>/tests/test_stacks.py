"""Stacks of a real server: on SIGUSR1, and with whatever is given up."""

import contextlib
import json
import signal
import socket
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from runtime.observe import inquiry
from tests.server import run_main, running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), WEB_REQUEST_TIMEOUT="0.5") as server:
        yield server


def show(server):
    """What SIGUSR1 lets the server log: its events, by the interpreter that they name."""
    shown, first = server.count("stacks_shown"), len(server.events)
    server.send(signal.SIGUSR1)
    server.wait_until(lambda: server.count("stacks_shown") > shown)
    return {event["interpreter"]: event for event in server.events[first:] if event.get("action") == "stack"}


def traceback_of(server, task):
    """Of the last attempt that the task's row knows of."""
    with contextlib.closing(sqlite3.connect(server.data_dir / "db.sqlite3")) as connection:
        rows = connection.execute("SELECT history FROM tasks_taskrecord WHERE id = ?", [uuid.UUID(task).hex])
        return json.loads(rows.fetchone()[0])[-1]["traceback"]


def test_every_interpreter_is_shown_and_serves_on(server):
    stacks = show(server)

    assert {"main", "web-1", "web-1.2", "web-2", "web-2.2", "critical-1", "default-1"} <= set(stacks)
    assert "in wait\n    self.poll.poll()" in stacks["critical-1"]["stack"]
    assert "end.recv_into(self.buffer)" in stacks["web-1.2"]["stack"]
    assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3


def test_a_task_is_shown_with_its_id_and_what_it_waits_for(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, task = listener.getsockname()[1], server.enqueue("hear_from", listener.getsockname()[1])
        with listener.accept()[0] as peer:
            seen = []
            server.wait_until(lambda: seen.append(show(server)["default-1"]) or "waits" in seen[-1])
            peer.send(b"x")
        state = server.wait_for_task(task)

    event = seen[-1]
    assert (event["task"], event["waits"]) == (uuid.UUID(task).hex, f"recv from 127.0.0.1:{port}")
    assert "in hear_from\n    return peer.recv(1).decode()" in event["stack"]
    assert event["seconds"] > 0
    assert (state["status"], state["result"]) == ("SUCCESSFUL", "x")


@pytest.mark.parametrize("task", ["endless_python", "endless_statement", "slow_child"])
def test_a_task_that_was_ended_has_its_stack_in_its_row_and_in_the_log(server, task):
    task_id = server.enqueue(task)
    server.wait_for_task(task_id)

    assert f"in {task}\n" in traceback_of(server, task_id)
    (line,) = [event for event in server.events if f"{uuid.UUID(task_id)} failed" in event["message"]]
    assert f"in {task}\n" in line["traceback"]


def test_a_late_request_has_its_stack_in_the_log(server):
    assert server.client.get("/test/endless").status_code == 504
    event = server.wait_for("request_timed_out")

    assert event["interpreter"].startswith("web-")
    assert event["request"] == "GET /test/endless"
    assert event["seconds"] >= 0.5
    assert "in endless\n" in event["stack"]


@pytest.mark.parametrize("task", ["sleep_in_c", "regular_expression"])
def test_what_is_written_off_has_its_stack_in_its_row_and_in_the_log_and_stays_in_sight(tmp_path, task):
    with running(tmp_path) as server:
        task_id = server.enqueue(task)
        server.wait_for_task(task_id)
        event = server.wait_for("interpreter_abandoned")
        first = len(server.events)
        show(server)
        shown = [event for event in server.events[first:] if event.get("task") == uuid.UUID(task_id).hex]
        traceback = traceback_of(server, task_id)

    assert f"task={uuid.UUID(task_id).hex}" in event["stack"]
    for stack in (event["stack"], traceback, shown[0]["stack"]):
        assert f"in {task}\n" in stack


def test_the_stack_of_a_task_is_shown_by_a_command(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        task = server.enqueue("hear_from", port)
        with listener.accept()[0] as peer:
            answers = []
            server.wait_until(lambda: answers.append(inquiry.ask(server.data_dir, task)) or "waits=" in answers[-1])
            shown = run_main(server.data_dir, "stack", task)
            peer.send(b"x")
        server.wait_for_task(task)

    assert shown.returncode == 0, shown.stderr
    assert f"waits=recv from 127.0.0.1:{port}" in shown.stdout
    assert "in hear_from\n    return peer.recv(1).decode()" in shown.stdout


def test_a_task_that_computes_is_profiled_and_goes_on(server):
    task = server.enqueue("endless")
    server.wait_for_task(task, "RUNNING")
    profile = inquiry.ask(server.data_dir, task, 0.5).splitlines()
    assert server.client.get(f"/api/tasks/{task}/").json()["status"] == "RUNNING"
    server.client.post(f"/api/tasks/{task}/cancel/")
    server.wait_for_task(task)

    samples = {stack: int(number) for stack, _, number in (line.rpartition(" ") for line in profile)}
    assert sum(number for stack, number in samples.items() if stack.endswith("endless (tests/site/tasks.py)")) > 0
    assert all("_claim_and_run (tasks/worker/loop.py)" in stack for stack in samples)


def test_a_profile_ends_with_its_task(server):
    """However long it was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        task = server.enqueue("hear_from", listener.getsockname()[1])
        with listener.accept()[0] as peer:
            profile = pool.submit(inquiry.ask, server.data_dir, task, 600)
            for _ in range(50):  # its first samples are taken meanwhile
                server.wait_until(lambda: "waits=" in inquiry.ask(server.data_dir, task))
            peer.send(b"x")

    assert "hear_from (tests/site/tasks.py)" in profile.result()


def test_a_task_that_does_not_run_has_no_stack(server):
    shown = run_main(server.data_dir, "stack", str(uuid.uuid7()), "--seconds", "5")

    assert shown.returncode == 1
    assert "runs the task" in shown.stdout
