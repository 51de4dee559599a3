"""Loops that stop moving outside of a task or a request: found, replaced, and what they held goes back."""

from runtime.shared import node_sockets
from tests.server import running
from tests.site import gates
from tests.test_database_locked import locked


def test_a_worker_that_stands_still_is_replaced_and_its_task_runs(tmp_path):
    with running(tmp_path) as server:
        server.wait_for_task(server.enqueue("hang_the_worker", queue_name="critical"))
        state = server.wait_for_task(server.enqueue("add", 1, 2, queue_name="critical"))
        event = server.wait_for("interpreter_abandoned", interpreter="critical-1")

        assert (state["status"], state["result"]) == ("SUCCESSFUL", 3)
        assert state["attempts"] == 2
        assert event["reason"] == "stood still"
        assert "in stand_still\n" in event["stack"]
        assert server.metric("interpreter_abandoned") == 1
        assert server.stop() == 0


def test_who_listens_to_the_end_of_a_task_and_stands_still_holds_nobody_up(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data") as server:
        task = server.enqueue("hang_who_listens", str(gate), queue_name="critical")
        gates.wait_for_arrival(gate)
        waiting = server.enqueue("add", 1, 2, queue_name="critical")  # taken along with the end of the one before
        gates.open_gate(gate)

        assert server.wait_for_task(waiting)["result"] == 3
        assert server.wait_for_task(task)["status"] == "SUCCESSFUL"
        assert server.count("interpreter_abandoned", interpreter="critical-1", reason="stood still") == 1


def test_a_housekeeper_that_stands_still_is_replaced_and_tasks_for_later_run(tmp_path):
    with running(tmp_path) as server:
        server.wait_for_task(server.enqueue("hang_the_housekeeper", queue_name="critical"))
        server.metric("queue_ready")
        event = server.wait_for("interpreter_abandoned", interpreter="critical-1")
        later = server.enqueue("add", 1, 2, delay=0.1)

        assert "in stand_still\n" in event["stack"]
        assert server.wait_for_task(later)["result"] == 3


def test_a_web_thread_that_stands_still_is_replaced_and_its_client_hears_of_it(tmp_path):
    with running(tmp_path, WEB_INTERPRETERS="1", WEB_THREADS="1") as server:
        hung = server.client.get("/test/hang").json()["interpreter"]
        assert server.client.get("/test/interpreter").status_code == 500
        event = server.wait_for("interpreter_abandoned", interpreter="web-1")

        assert event["reason"] == "stood still"
        assert "in stand_still\n" in event["stack"]
        assert server.client.get("/test/interpreter").json()["interpreter"] != hung


def test_a_worker_that_waits_for_a_locked_database_is_left_alone(tmp_path):
    """For longer than it takes to find one that stands still."""
    with running(tmp_path, WEB_INTERPRETERS="1", WEB_THREADS="1") as server:
        server.client.get("/test/hang")
        with locked(tmp_path):
            node_sockets.send(server.data_dir, "queue critical")  # it claims, and waits for the lock
            assert server.client.get("/test/interpreter").status_code == 500
            server.wait_for("interpreter_abandoned", interpreter="web-1")
        assert server.wait_for_task(server.enqueue("add", 1, 2, queue_name="critical"))["result"] == 3
        assert server.count("interpreter_abandoned") == 1
