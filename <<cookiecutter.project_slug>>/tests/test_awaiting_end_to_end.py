"""Waiting for a task in the running server: from the web, from another task, from another process."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from tests.server import PROJECT, running
from tests.site import gates


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data")) as server:
        yield server


def answer(server, task, *arguments, seconds=60):
    body = {"task": task, "arguments": arguments, "seconds": seconds}
    return server.client.post("/test/answer", json=body).json()


def test_a_request_waits_for_its_task(server):
    assert [answer(server, "add", number, 1)["result"] for number in range(20)] == list(range(1, 21))


def test_a_request_waits_for_no_longer_than_it_said(server, tmp_path):
    gate = gates.make(tmp_path, "gate")
    assert "after 0.2 s" in answer(server, "wait_at", str(gate), seconds=0.2)["late"]
    gates.wait_for_arrival(gate)
    gates.open_gate(gate)


def test_an_asynchronous_view_waits_for_several_at_once(server):
    assert server.client.post("/test/answers").json() == {"results": [1, 2, 3, 4, 5]}


def test_a_task_waits_for_another(server):
    assert server.wait_for_task(server.enqueue("ask", "default", 60, queue_name="critical"))["result"] == 3


def test_a_task_that_keeps_its_own_from_running_is_told(server):
    state = server.wait_for_task(server.enqueue("ask", "critical", 60, queue_name="critical"))

    assert (state["status"], state["error"]["type"]) == ("FAILED", "tasks.errors.WaitsForever")
    assert "the pool critical" in state["error"]["message"]


def test_another_process_waits_for_a_task_of_the_server(server):
    code = "from tests.site.tasks import add; import tasks; print(tasks.wait(add.enqueue(3, 4), 60).return_value)"
    shell = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code], cwd=PROJECT, env=server.environment,
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert json.loads(shell.stdout) == 7


def test_a_request_that_waits_when_the_server_stops_waits_until_its_limit(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data") as server:
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(answer(server, "wait_at", str(gate), seconds=1.5)), daemon=True
        )
        asking.start()
        gates.wait_for_arrival(gate)
        server.send(signal.SIGTERM)
        asking.join(60)
        gates.open_gate(gate)

        assert server.wait_exit() == 0
        assert "is RUNNING after 1.5 s" in answers[0]["late"]
