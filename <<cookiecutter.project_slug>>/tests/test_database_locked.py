"""SQLite is locked by another process, for less and for more time than a writer waits for it."""

import contextlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from runtime.shared import node_sockets
from tests.server import running
from tests.site import gates


@contextlib.contextmanager
def locked(data_dir):
    """Nobody else writes to the database meanwhile."""
    with contextlib.closing(sqlite3.connect(data_dir / "db.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture
def gate(tmp_path):
    return gates.make(tmp_path, "gate")


def test_nobody_hears_of_a_lock_that_ends_in_time(tmp_path, gate):
    with running(tmp_path / "data") as server, ThreadPoolExecutor() as pool:
        running_task = server.enqueue("wait_at", str(gate))
        gates.wait_for_arrival(gate)
        with locked(server.data_dir):
            tasks = [pool.submit(server.enqueue, "add", number, 0) for number in range(3)]  # a fourth thread can read
            gates.open_gate(gate)
            assert server.client.get(f"/api/tasks/{running_task}/").json()["status"] == "RUNNING"
            threading.Event().wait(1)
            assert not any(task.done() for task in tasks)

        assert {server.wait_for_task(task.result())["result"] for task in tasks} == {0, 1, 2}
        assert server.wait_for_task(running_task)["result"] == "through"
        assert "the database" not in server.text


def test_a_longer_lock_is_told_to_clients_and_waited_out_by_workers(tmp_path, gate):
    marks = tmp_path / "marks"
    with running(tmp_path / "data", SQLITE_TIMEOUT="0.2") as server:
        task = server.enqueue("leave_a_mark", str(marks), str(gate))
        gates.wait_for_arrival(gate)
        assert server.client.get("/readyz").status_code == 200
        with locked(server.data_dir):
            gates.open_gate(gate)
            server.wait_for_text("the database takes nothing, again")
            node_sockets.send(server.data_dir, "queue critical")
            server.wait_for_text("the database gives no task")
            refused = server.client.post("/api/exports/", data={"rows": 1})
            server.wait_until(lambda: server.client.get("/readyz").status_code == 503)
            assert server.client.get("/readyz").text == "the database: database is locked\n"
            assert server.client.get("/healthz").status_code == 200

        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "ServiceUnavailable")
        assert int(refused.headers["retry-after"]) > 0
        state = server.wait_for_task(task)
        assert (state["status"], state["result"], state["attempts"]) == ("SUCCESSFUL", "through", 1)
        assert marks.read_text() == "run\n"
        assert server.wait_for_task(server.enqueue("add", 1, 2, queue_name="critical"))["result"] == 3
        server.wait_until(lambda: server.client.get("/readyz").status_code == 200)
        assert server.count("interpreter_died") == 0


def test_a_page_says_it_too(tmp_path):
    with running(tmp_path, SQLITE_TIMEOUT="0", DEBUG="0", SECRET_KEY="0123456789abcdef" * 4) as server:
        with locked(tmp_path):
            refused = server.client.post("/test/enqueue", json={"task": "add", "arguments": [1, 2], "options": {}})

        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert "The database cannot be reached right now." in refused.text
        server.enqueue("add", 1, 2)


def test_a_stop_does_not_wait_for_the_lock(tmp_path, gate):
    with running(tmp_path / "data", SHUTDOWN_TIMEOUT="0.5") as server:
        task = server.enqueue("attempt", str(gate))
        gates.wait_for_arrival(gate)
        with locked(server.data_dir):
            assert server.stop() == 0
        reason = server.wait_for("tasks_not_given_back")["reason"]
        assert "database is locked" in reason or reason == "not done after 3.0 s"  # the latter on a slow machine
    with running(tmp_path / "data") as server:
        assert server.wait_for_task(task)["result"] == 2
