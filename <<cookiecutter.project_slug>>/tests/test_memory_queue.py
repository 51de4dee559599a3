"""Tasks in memory, in the running server: when they run, how they end, what becomes of them when somebody leaves."""

import signal
import subprocess
import sys

import pytest

from tests.server import PROJECT, manage, running
from tests.site import gates

SIZE = {"MEMORY_QUEUE": "100"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), **SIZE) as server:
        yield server


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path / "notes")


class Notes:
    """The file to which the tasks of a test add their lines."""

    def __init__(self, path):
        self.path = path

    def enqueue(self, server, *texts, queue_name="critical", backend="memory"):
        for text in texts:
            server.enqueue("note", str(self.path), text, queue_name=queue_name, backend=backend)

    def wait_for(self, server, number):
        server.wait_until(lambda: len(self.lines) >= number)
        return self.lines

    @property
    def lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []


def enqueue(server, task, *arguments, queue_name="critical"):
    return server.enqueue(task, *arguments, queue_name=queue_name, backend="memory")


def hold(server, folder, queue_name="critical", name="gate"):
    """Keep the only worker thread of a queue busy with a task from memory, until the gate is opened."""
    gate = gates.make(folder, name)
    enqueue(server, "wait_at", str(gate), queue_name=queue_name)
    gates.wait_for_arrival(gate)
    return gate


def test_they_run_in_their_order_and_are_counted(server, notes, tmp_path):
    before = server.metric("tasks_total", queue="critical", outcome="successful")
    gate = hold(server, tmp_path)
    texts = [str(number) for number in range(30)]
    notes.enqueue(server, *texts)
    assert server.metric("memory_queue_ready", queue="critical") == 30
    assert server.metric("memory_queue_size", queue="critical") == 100
    gates.open_gate(gate)

    assert notes.wait_for(server, 30) == texts
    server.wait_until(lambda: server.metric("tasks_total", queue="critical", outcome="successful") == before + 31)
    assert server.metric("memory_queue_ready", queue="critical") == 0


def test_nothing_of_them_is_in_the_database(server):
    task = enqueue(server, "add", 1, 2)
    assert server.client.get(f"/api/tasks/{task}/").status_code == 404


@pytest.mark.parametrize("queue", ["exports", "images"])  # the second one's interpreter is of the kind `legacy`
def test_a_pool_at_zero_is_started_by_one(server, notes, queue):
    notes.enqueue(server, "first", queue_name=queue)
    assert notes.wait_for(server, 1) == ["first"]


@pytest.mark.parametrize(
    ("task", "outcome", "text"),
    [
        ("raise_error", "failed", "KeyError: 'as asked'"),
        ("endless_python", "timeout", "It ran longer than its timeout."),
    ],
)
def test_one_that_fails_is_logged_with_its_traceback_and_counted(server, notes, task, outcome, text):
    before = server.metric("tasks_total", queue="critical", outcome=outcome)
    enqueue(server, task, *["KeyError"] * (task == "raise_error"))
    notes.enqueue(server, "next")

    notes.wait_for(server, 1)
    assert server.metric("tasks_total", queue="critical", outcome=outcome) == before + 1
    lines = [line for line in server.log if f"tests.site.tasks.{task} " in line and text in line]
    assert any("Traceback" in line for line in lines)


def test_neither_the_table_nor_memory_keeps_the_other_waiting(server, notes, tmp_path):
    gate = hold(server, tmp_path)
    for _ in range(10):
        notes.enqueue(server, "memory")
        notes.enqueue(server, "table", backend="default")
    gates.open_gate(gate)

    lines = notes.wait_for(server, 20)
    assert sorted({*lines[:2]}) == ["memory", "table"]
    assert lines == lines[:2] * 10


def test_where_no_workers_are_it_is_refused(server, notes):
    code = f"from tests.site.tasks import note; note.using(backend='memory').enqueue({str(notes.path)!r}, 'no')"
    refused = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", code], cwd=PROJECT, env=server.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert refused.returncode == 1
    assert "NoWorkersHere: tests.site.tasks.note: tasks of the backend memory stay" in refused.stderr.splitlines()[-1]


def test_a_node_without_workers_says_so_and_refuses_them(tmp_path):
    with running(tmp_path, ROLES="web", **SIZE) as server:
        server.wait_for_text("what is enqueued to InterpreterQueueBackend is refused")
        body = {"task": "add", "arguments": [1, 2], "options": {"backend": "memory"}}
        answer = server.client.post("/test/enqueue", json=body)
    assert (answer.status_code, "NoWorkersHere" in answer.text) == (500, True)


def test_a_full_queue_refuses_more_until_there_is_room(tmp_path, notes):
    with running(tmp_path / "data", MEMORY_QUEUE="3", DEBUG="0") as server:
        gate = hold(server, tmp_path)
        notes.enqueue(server, "1", "2")
        body = {"task": "note", "arguments": [str(notes.path), "3"], "options": {"backend": "memory"}}
        body["options"]["queue_name"] = "critical"
        refused = server.client.post("/test/enqueue", json=body)
        other_queue = server.client.post("/test/enqueue", json=body | {"options": {"backend": "memory"}})
        gates.open_gate(gate)
        notes.wait_for(server, 3)
        server.wait_until(lambda: server.client.post("/test/enqueue", json=body).status_code == 200)

        assert (refused.status_code, refused.headers["retry-after"], other_queue.status_code) == (503, "5", 200)
        assert sorted(notes.wait_for(server, 4)) == ["1", "2", "3", "3"]


def test_a_stop_runs_what_is_in_memory_first(tmp_path, notes):
    with running(tmp_path / "data", **SIZE) as server:
        gate = hold(server, tmp_path)
        texts = [str(number) for number in range(20)]
        notes.enqueue(server, *texts)
        durable = [server.enqueue("add", 1, 2, queue_name="critical") for _ in range(5)]
        server.send(signal.SIGTERM)
        server.wait_for("stopping")
        gates.open_gate(gate)

        assert server.wait_exit() == 0
    assert notes.lines == texts
    assert server.count("memory_tasks_lost") == 0
    with running(tmp_path / "data", **SIZE) as server:
        assert {server.wait_for_task(task)["status"] for task in durable} == {"SUCCESSFUL"}


def test_a_stop_runs_what_a_task_enqueues_at_its_end_also_to_a_pool_at_zero(tmp_path, notes):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", **SIZE) as server:
        server.enqueue("note_from_here", str(gate), str(notes.path), "exports", queue_name="critical")
        gates.wait_for_arrival(gate)
        server.send(signal.SIGTERM)
        server.wait_for("stopping")
        gates.open_gate(gate)

        assert server.wait_exit() == 0
    assert notes.lines == ["from a task"]
    assert server.count("interpreter_ready", interpreter="exports-1") == 1


def test_what_a_stop_has_no_time_for_is_told(tmp_path, notes):
    with running(tmp_path / "data", SHUTDOWN_TIMEOUT="1", **SIZE) as server:
        hold(server, tmp_path)
        notes.enqueue(server, "1", "2")
        assert server.stop() == 0

        lost = server.wait_for("memory_tasks_lost")
    assert (lost["level"], lost["number"], lost["reason"]) == ("ERROR", 3, "the server has stopped")
    assert lost["tasks"] == "tests.site.tasks.note (2), tests.site.tasks.wait_at (1)"
    assert notes.lines == []


def test_those_of_a_paused_queue_wait_for_the_resume_and_hold_no_stop_up(tmp_path, notes):
    with running(tmp_path / "data", SHUTDOWN_TIMEOUT="600", **SIZE) as server:  # for which nobody waits
        manage(tmp_path / "data", "tasks", "pause", "critical", "exports", **SIZE)
        for queue in ("critical", "exports"):
            server.wait_for("queue_paused", queue=queue)
        texts = [str(number) for number in range(3)]
        notes.enqueue(server, *texts)
        notes.enqueue(server, "exports", queue_name="exports")
        notes.enqueue(server, "other", queue_name="images")
        assert notes.wait_for(server, 1) == ["other"]
        assert server.metric("memory_queue_ready", queue="critical") == 3
        assert server.metric("interpreter_starts_total", name="exports-1") == 0
        manage(tmp_path / "data", "tasks", "resume", "critical", **SIZE)

        assert notes.wait_for(server, 4) == ["other", *texts]
        assert server.stop() == 0
    assert server.wait_for("memory_tasks_lost")["tasks"] == "tests.site.tasks.note (1)"
    assert len(notes.lines) == 4


def test_new_interpreters_go_on_with_what_the_old_ones_had_enqueued(tmp_path, notes):
    with running(tmp_path / "data", **SIZE) as server:
        gate = hold(server, tmp_path)
        texts = [str(number) for number in range(40)]
        notes.enqueue(server, *texts)
        server.send(signal.SIGHUP)
        server.wait_for("reloaded")

        assert notes.wait_for(server, 40) == texts
        gates.open_gate(gate)
        for name in ("web-1", "web-2", "critical-1"):
            server.wait_for("interpreter_closed", interpreter=name)
        assert server.stop() == 0
    assert server.count("memory_tasks_lost") == 0


def test_web_interpreters_may_be_recycled_while_their_tasks_wait(tmp_path, notes):
    with running(tmp_path / "data", WEB_MAX_REQUESTS="5", **SIZE) as server:
        gate = hold(server, tmp_path)
        texts = [str(number) for number in range(50)]
        for number, text in enumerate(texts):
            notes.enqueue(server, text)
            if number % 10 == 9:
                server.wait_until(lambda number=number: server.count("interpreter_closed") > number // 10)
        gates.open_gate(gate)

        assert notes.wait_for(server, 50) == texts
    assert server.count("memory_tasks_lost") == 0


def test_an_interpreter_that_dies_loses_the_one_in_its_hand(tmp_path, notes):
    with running(tmp_path / "data", **SIZE) as server:
        gate = gates.make(tmp_path, "gate")
        server.enqueue("wait_at", str(gate), queue_name="critical")
        gates.wait_for_arrival(gate)
        enqueue(server, "break_the_worker")
        enqueue(server, "add", 1, 2)
        notes.enqueue(server, "next")
        gates.open_gate(gate)

        assert notes.wait_for(server, 1) == ["next"]
        lost = server.wait_for("memory_tasks_lost", interpreter="critical-1")
        assert (lost["number"], lost["tasks"]) == (1, "tests.site.tasks.add (1)")
        assert server.metric("tasks_total", queue="critical", outcome="lost") == 1


def test_one_in_c_code_is_given_up_with_its_interpreter(tmp_path, notes):
    with running(tmp_path / "data", **SIZE) as server:
        enqueue(server, "regular_expression")
        server.wait_for("interpreter_abandoned", interpreter="critical-1")
        notes.enqueue(server, "next")

        assert notes.wait_for(server, 1) == ["next"]
        assert server.wait_for("memory_tasks_lost")["tasks"] == "tests.site.tasks.regular_expression (1)"
        assert server.metric("tasks_total", queue="critical", outcome="timeout") == 1
        server.process.kill()
