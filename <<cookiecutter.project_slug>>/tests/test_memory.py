"""What eats memory fails with MemoryError; the server goes on serving as if nothing had happened."""

import os
import threading

import httpx
import pytest

from tests.project import Project
from tests.server import running
from tests.site import gates

LIMIT = 600


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), MEMORY_LIMIT=f"{LIMIT}M") as server:
        yield server


class Visitors:
    """They ask for pages without pause, and keep every answer that is not 200."""

    def __init__(self, url, *paths):
        self.url, self.failures, self.answers = url, [], 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(path,)) for path in paths]

    def _ask(self, path):
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self.over.is_set():
                answer = client.get(path)
                self.answers += 1
                if answer.status_code != 200:
                    self.failures.append((path, answer.status_code, answer.text[:200]))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        for thread in self.threads:
            thread.join()


def megabytes(server):
    return server.metric("process_resident_memory_bytes") / 2**20


@pytest.mark.parametrize("task", ["eat_objects", "eat_at_once", "eat_in_c", "eat_slowly"])
def test_a_task_that_eats_memory_fails_and_nobody_else_notices(server, task):
    before = megabytes(server)
    with Visitors(server.url, "/readyz", "/test/interpreter", "/accounts/login/") as visitors:
        state = server.wait_for_task(server.enqueue(task))

    assert (state["status"], state["error"]["type"]) == ("FAILED", "builtins.MemoryError")
    assert visitors.answers > 0
    assert visitors.failures == []
    assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3
    assert server.count("interpreter_died") == 0
    server.wait_until(lambda: megabytes(server) < before + LIMIT * 0.15)  # the pool may have grown by one interpreter


def test_one_that_goes_on_after_every_error_is_ended_too_and_nobody_notices(server):
    with Visitors(server.url, "/readyz", "/test/interpreter", "/accounts/login/") as visitors:
        state = server.wait_for_task(server.enqueue("eat_whatever_happens"))
    assert visitors.failures == []
    assert (state["status"], state["error"]["type"]) == ("FAILED", "builtins.MemoryError")
    assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3
    assert server.process.poll() is None


def test_while_memory_is_high_no_pool_grows(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", MEMORY_LIMIT=f"{LIMIT}M") as server:
        holding = server.enqueue("eat_and_hold", int(0.84 * LIMIT - megabytes(server)), str(gate))
        gates.wait_for_arrival(gate)
        server.wait_for("memory_high")
        starts = server.metric("interpreter_starts_total", name="default-2")
        waiting = server.enqueue("add", 1, 2)
        with Visitors(server.url, "/readyz") as visitors:
            server.wait_until(lambda: visitors.answers > 500)

        assert server.client.get(f"/api/tasks/{waiting}/").json()["status"] == "READY"
        assert server.metric("interpreter_starts_total", name="default-2") == starts
        gates.open_gate(gate)
        assert server.wait_for_task(holding)["status"] == "SUCCESSFUL"
        assert server.wait_for_task(waiting)["result"] == 3


def test_a_request_that_eats_memory_gets_a_500_and_others_are_served(tmp_path):
    with running(tmp_path, DEBUG="0", MEMORY_LIMIT=f"{LIMIT}M") as server:
        with Visitors(server.url, "/readyz", "/test/interpreter") as visitors:
            assert server.client.get("/test/eat").status_code == 500
        assert visitors.failures == []
        assert server.client.get("/test/interpreter").status_code == 200
        assert server.count("interpreter_died") == 0


@pytest.fixture
def impatient(tmp_path):
    """The project, in which memory need not be high for a minute."""
    project = Project(tmp_path / "project")
    project.append("runtime/memory_limit/guard.py", "LONGEST_HIGH = 1.0")
    return project.folder


def test_where_memory_does_not_come_back_it_drains_and_leaves_with_75_and_nothing_is_lost(tmp_path, impatient):
    marks, gate = tmp_path / "marks", gates.make(tmp_path, "gate")
    with running(tmp_path / "data", project=impatient, MEMORY_LIMIT=f"{LIMIT}M") as server:
        going_on = server.enqueue("leave_a_mark", str(marks), str(gate), queue_name="critical")
        gates.wait_for_arrival(gate)
        waiting = [server.enqueue("leave_a_mark", str(marks), str(gate), queue_name="critical") for _ in range(5)]
        server.enqueue("leak", int(0.84 * LIMIT - megabytes(server)))
        server.wait_for("memory_stays_high")
        server.wait_for("stopping")
        gates.open_gate(gate)
        assert server.wait_exit() == os.EX_TEMPFAIL
        assert server.count("interpreter_died") == server.count("interpreter_abandoned") == 0

    gates.remove(gate)
    with running(tmp_path / "data", MEMORY_LIMIT=f"{LIMIT}M") as server:
        states = [server.wait_for_task(task) for task in (going_on, *waiting)]
        assert {(state["status"], state["attempts"]) for state in states} == {("SUCCESSFUL", 1)}
        assert marks.read_text() == "run\n" * len(states)
        assert server.metric("tasks_total", outcome="lost") == 0
