"""Tasks in the running server: when they run, how they end, how many run at once."""

import contextlib
import signal
import sqlite3
from datetime import datetime
from uuid import UUID

import pytest

from tests.server import Server, running
from tests.site import gates


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.mark.parametrize(
    ("task", "arguments", "error"),
    [
        ("raise_error", ["KeyError"], "builtins.KeyError"),
        ("raise_error", ["SystemExit"], "builtins.SystemExit"),
        ("raise_error", ["MemoryError"], "builtins.MemoryError"),
        ("recurse", [0], "builtins.RecursionError"),
        ("add", [1, "2"], "builtins.TypeError"),
    ],
)
def test_a_task_that_fails_is_recorded_and_its_interpreter_goes_on(server, task, arguments, error):
    before = server.wait_for_task(server.enqueue("which_interpreter", queue_name="critical"))["result"]
    state = server.wait_for_task(server.enqueue(task, *arguments, queue_name="critical"))

    assert (state["status"], state["error"]["type"], state["attempts"]) == ("FAILED", error, 1)
    assert server.wait_for_task(server.enqueue("which_interpreter", queue_name="critical"))["result"] == before


def test_a_task_is_tried_again_until_it_succeeds(server):
    state = server.wait_for_task(server.enqueue("succeed_at", 3))

    assert (state["status"], state["result"], state["attempts"]) == ("SUCCESSFUL", 3, 3)


def test_a_task_that_fails_as_often_as_it_may_has_failed(server):
    state = server.wait_for_task(server.enqueue("succeed_at", 4))

    assert (state["status"], state["attempts"]) == ("FAILED", 3)
    assert state["error"] == {"type": "builtins.ValueError", "message": "attempt 3"}


def test_a_failed_task_is_run_once_more_on_request(server):
    task = server.enqueue("succeed_at", 4)
    server.wait_for_task(task)
    assert server.client.post(f"/api/tasks/{task}/retry/").status_code == 200

    state = server.wait_for_task(task, "SUCCESSFUL")
    assert (state["result"], state["error"]) == (4, None)


def test_a_task_runs_at_its_time_and_not_before(server):
    state = server.wait_for_task(server.enqueue("add", 1, 2, delay=0.5))
    enqueued, started = (datetime.fromisoformat(state[name]) for name in ("enqueued_at", "started_at"))

    assert state["result"] == 3
    assert (started - enqueued).total_seconds() >= 0.5


def test_a_task_that_waits_can_be_cancelled(server):
    task = server.enqueue("add", 1, 2, delay=3600)
    assert server.client.get(f"/api/tasks/{task}/").json()["status"] == "READY"
    state = server.client.post(f"/api/tasks/{task}/cancel/").json()

    assert (state["status"], state["error"]["type"]) == ("FAILED", "tasks.errors.TaskCancelled")


@pytest.mark.parametrize(("end", "rows"), [("commit", 1), ("rollback", 0)])
def test_a_task_runs_after_the_commit_and_is_gone_with_a_rollback(server, end, rows):
    answer = server.client.post(f"/test/transaction/{end}").json()

    assert answer["rows"] == rows
    if rows:
        assert server.wait_for_task(answer["id"])["result"] == 3
    else:
        assert server.client.get(f"/api/tasks/{answer['id']}/").status_code == 404


def test_a_pool_grows_while_tasks_wait_and_not_over_its_most(tmp_path):
    paths = [gates.make(tmp_path, f"gate{number}") for number in range(3)]
    with running(tmp_path / "data") as server:
        tasks = [server.enqueue("wait_at", str(path)) for path in paths]
        for path in paths[:2]:
            gates.wait_for_arrival(path)
        assert server.metric("interpreter_up", kind="worker") == 3  # critical-1 and both of default
        assert server.metric("queue_running", queue="default") == 2
        assert server.metric("queue_ready", queue="default") == 1
        assert server.metric("queue_oldest_ready_seconds", queue="default") > 0
        gates.open_gate(paths[0])
        gates.wait_for_arrival(paths[2])
        for path in paths[1:]:
            gates.open_gate(path)

        assert {server.wait_for_task(task)["result"] for task in tasks} == {"through"}
        assert server.metric("queue_running", queue="default") == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_pool_grows_for_what_the_last_process_has_left_behind(tmp_path, end):
    folder = [gates.make(tmp_path, name) for name in ("first", "second")]
    with running(tmp_path / "data", SHUTDOWN_TIMEOUT="0.2") as server:
        for gate in folder:
            server.enqueue("wait_at", str(gate))
            gates.wait_for_arrival(gate)
        server.send(end)
        server.wait_exit()
    with running(tmp_path / "data") as server:
        for gate in folder:  # both wait, so both run
            gates.wait_for_arrival(gate)
        for gate in folder:
            gates.open_gate(gate)


def test_a_pool_of_none_starts_with_its_first_task(tmp_path):
    with running(tmp_path) as server:
        assert server.metric("interpreter_starts_total", name="exports-1") == 0
        assert server.wait_for_task(server.enqueue("add", 1, 2, queue_name="exports"))["result"] == 3
        assert server.wait_for("interpreter_ready", interpreter="exports-1")


def test_what_was_enqueued_is_counted_once(tmp_path):
    with running(tmp_path) as server:
        tasks = [server.enqueue("add", number, 0, queue_name="critical") for number in range(30)]

        assert sorted(server.wait_for_task(task)["result"] for task in tasks) == list(range(30))
        server.wait_until(lambda: server.metric("task_seconds_count", queue="critical") == 30)
        assert server.metric("tasks_total", queue="critical", outcome="successful") == 30
        assert server.metric("tasks_total") == 30


def test_a_task_that_kills_the_process_each_time_has_failed_after_three_deaths(tmp_path):
    data, gate = tmp_path / "data", gates.make(tmp_path, "gate")
    with running(data) as server:
        innocent = server.enqueue("attempt", str(gate), queue_name="critical")
        gates.wait_for_arrival(gate)
        poison = server.enqueue("kill_the_process", delay=0.3)
        assert server.wait_exit() == -signal.SIGKILL
    for _ in range(2):
        server = Server(data)
        assert server.wait_exit() == -signal.SIGKILL
    with running(data) as server:
        state = server.wait_for_task(poison)
        assert (state["status"], state["error"]["type"], state["attempts"]) == ("FAILED", "tasks.errors.WorkerLost", 3)
        assert server.wait_for_task(innocent)["result"] > 1
        assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3


def test_a_suspect_runs_alone(tmp_path):
    data = tmp_path / "data"
    first, alone = gates.make(tmp_path, "first"), gates.make(tmp_path, "alone")
    with running(data) as server:
        server.enqueue("wait_at", str(first), queue_name="critical")
        gates.wait_for_arrival(first)
        suspect = server.enqueue("wait_at", str(alone), delay=3600)
        with contextlib.closing(sqlite3.connect(data / "db.sqlite3", autocommit=True)) as database:
            database.execute("UPDATE tasks_taskrecord SET deaths = 2, waits_until = NULL WHERE run_after IS NOT NULL")
        assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3  # it woke the worker for both
        assert server.client.get(f"/api/tasks/{suspect}/").json()["status"] == "READY"
        gates.open_gate(first)
        gates.wait_for_arrival(alone)
        other = server.enqueue("add", 1, 2)
        assert server.client.get(f"/api/tasks/{other}/").json()["started_at"] is None
        gates.open_gate(alone)

        assert server.wait_for_task(suspect)["result"] == "through"
        assert server.wait_for_task(other)["result"] == 3


def test_a_server_prunes_at_its_start_what_has_ended_long_ago(tmp_path):
    with running(tmp_path) as server:
        old, new = server.enqueue("add", 1, 2), server.enqueue("add", 3, 4)
        for task in (old, new):
            server.wait_for_task(task)
        server.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database, database:
        ago = "UPDATE tasks_taskrecord SET finished_at = '2020-01-01 00:00:00' WHERE id = ?"
        database.execute(ago, [UUID(old).hex])
    with running(tmp_path) as server:
        server.wait_for_text("tasks_pruned number=1")

        assert server.client.get(f"/api/tasks/{old}/").status_code == 404
        assert server.client.get(f"/api/tasks/{new}/").json()["result"] == 7


def test_full_slow_queues_hold_up_no_critical_task(tmp_path):
    """Every slow pool is busy and has more waiting: none of that is between a critical task and its worker."""
    path = [gates.make(tmp_path, f"gate{number}") for number in range(4)]
    with running(tmp_path / "data") as server:
        for number, queue in enumerate(("default", "default", "exports", "images")):
            server.enqueue("wait_at", str(path[number]), queue_name=queue)
        for each in path:
            gates.wait_for_arrival(each)
        waiting = [server.enqueue("add", 1, 1, queue_name=queue) for queue in ("default", "exports", "images") * 20]
        critical = [server.enqueue("add", number, 0, queue_name="critical") for number in range(20)]

        assert [server.wait_for_task(task)["result"] for task in critical] == list(range(20))
        assert {server.client.get(f"/api/tasks/{task}/").json()["status"] for task in waiting} == {"READY"}
        for each in path:
            gates.open_gate(each)
        assert {server.wait_for_task(task)["result"] for task in waiting} == {2}


def test_a_stop_takes_a_task_back_at_its_checkpoint_and_the_next_start_goes_on(tmp_path):
    data, gate = tmp_path / "data", gates.make(tmp_path, "gate")
    with running(data) as server:
        task = server.enqueue("go_on", str(gate))
        gates.wait_for_arrival(gate)
        server.send(signal.SIGTERM)
        server.wait_for("stopping")
        gates.open_gate(gate)
        assert server.wait_exit() == 0
    with running(data) as server:
        state = server.wait_for_task(task)

        assert (state["result"], state["attempts"]) == ([1, 2], 1)
        assert server.metric("tasks_total") == 1
