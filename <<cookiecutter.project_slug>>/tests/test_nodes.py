"""Several nodes on one PostgreSQL: who is told of a task, and what becomes of the tasks of a node that dies."""

import contextlib
import signal
import time

import psycopg

from tests.server import Server, end, running
from tests.site import gates

SOON = 10  # seconds; the net below the notifications comes round every 30
CONTRACT = 30  # seconds until another node has taken over


def execute(address, statement, *parameters):
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(statement, parameters)


def status(server, task):
    state = server.client.get(f"/api/tasks/{task}/").json()
    return state["status"], state["attempts"]


def leave_behind(address, task):
    """As if a node that is no more had claimed this task, which nobody has claimed yet."""
    execute(address, "UPDATE tasks_taskrecord SET status = 'RUNNING', claim = 'gone/boot/default-1/0', attempt = 1,"
                     " waits_until = NULL WHERE id = %s", task)  # fmt: skip


def test_what_a_web_only_node_enqueues_starts_at_once_on_another(address, tmp_path):
    workers = running(tmp_path / "workers", DATABASE_URL=address, ROLES="workers")
    web = running(tmp_path / "web", DATABASE_URL=address, ROLES="web")
    with workers, web as server:
        started = time.monotonic()
        for number in range(2):  # the net could have caught the first
            assert server.wait_for_task(server.enqueue("add", number, 1))["result"] == number + 1
        assert server.wait_for_task(server.enqueue("add", 1, 2, queue_name="exports"))["result"] == 3
        assert server.wait_for_task(server.enqueue("add", 3, 4, delay=1))["result"] == 7
        assert time.monotonic() - started < SOON

        endless = server.enqueue("endless")
        server.wait_for_task(endless, "RUNNING")
        cancelled = time.monotonic()
        server.client.post(f"/api/tasks/{endless}/cancel/")
        assert server.wait_for_task(endless)["error"]["type"] == "tasks.errors.TaskCancelled"
        retried = server.client.post(f"/api/tasks/{endless}/retry/").json()["id"]
        server.wait_for_task(retried, "RUNNING")
        assert time.monotonic() - cancelled < SOON
        server.client.post(f"/api/tasks/{endless}/cancel/")
        server.wait_for_task(endless)


def test_nodes_that_start_together_on_an_empty_database_become_ready(address, tmp_path):
    with contextlib.ExitStack() as stack:
        servers = [Server(tmp_path / name, DATABASE_URL=address) for name in ("one", "other", "third")]
        for server in servers:
            stack.callback(end, server)
        for server in servers:
            server.wait_until_ready()
        assert servers[0].wait_for_task(servers[0].enqueue("add", 1, 2))["result"] == 3


def test_the_tasks_of_a_killed_node_go_on_elsewhere(address, tmp_path):
    gate, living_gate = gates.make(tmp_path, "gate"), gates.make(tmp_path, "living")
    with running(tmp_path / "one", DATABASE_URL=address) as one:
        lost = [one.enqueue("attempt", str(gate), queue_name=name) for name in ("exports", "images")]
        for _ in lost:
            gates.wait_for_arrival(gate)
        with running(tmp_path / "other", DATABASE_URL=address) as other:
            living = other.enqueue("wait_at", str(living_gate), queue_name="exports")  # one's only worker is busy
            gates.wait_for_arrival(living_gate)
            one.send(signal.SIGKILL)
            killed = time.monotonic()

            state = other.wait_for_task(lost[1])
            assert (state["result"], state["attempts"]) == (2, 2)
            assert time.monotonic() - killed < CONTRACT
            assert other.metric("tasks_total", outcome="lost") == 2
            assert status(other, living) == ("RUNNING", 1)
            gates.open_gate(living_gate)
            assert other.wait_for_task(living)["attempts"] == 1
            assert other.wait_for_task(lost[0])["attempts"] == 2


def test_living_nodes_keep_their_tasks_when_the_database_ends_their_sessions(address, tmp_path):
    """One of them is stopping. A task of a node that is really gone shows when somebody has looked twice."""
    paths = [gates.make(tmp_path, name) for name in ("one", "other")]
    with (
        running(tmp_path / "1", DATABASE_URL=address, SHUTDOWN_TIMEOUT="60") as one,
        running(tmp_path / "2", DATABASE_URL=address) as other,
    ):
        tasks = [one.enqueue("wait_at", str(path), queue_name="exports") for path in paths]  # one on each node
        for path in paths:
            gates.wait_for_arrival(path)
        left_behind = one.enqueue("add", 1, 2, delay=3600)
        execute(address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
        for server in (one, other):
            server.wait_until(lambda server=server: server.count("nodes_connected") == 2)
        one.send(signal.SIGTERM)
        leave_behind(address, left_behind)

        state = other.wait_for_task(left_behind)
        assert (state["result"], state["attempts"]) == (3, 2)
        assert [status(other, task) for task in tasks] == [("RUNNING", 1)] * 2
        for path in paths:
            gates.open_gate(path)
        assert [other.wait_for_task(task)["attempts"] for task in tasks] == [1, 1]
        assert one.wait_exit() == 0
        started = time.monotonic()
        for number in range(2):
            assert other.wait_for_task(other.enqueue("add", number, 1))["result"] == number + 1
        assert time.monotonic() - started < SOON
