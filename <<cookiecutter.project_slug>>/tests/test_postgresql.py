"""The same server on PostgreSQL, a real one that the tests start from its wheel."""

import signal

import psycopg

from tests.server import running
from tests.site import gates


def statements_running(address):
    """Of other connections, on the server."""
    with psycopg.connect(address) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg%' AND state = 'active'"
        )
        return found.fetchone()[0]


def test_tasks_run_fail_and_survive_a_kill(address, tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", DATABASE_URL=address) as server:
        assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3
        assert server.wait_for_task(server.enqueue("succeed_at", 2))["attempts"] == 2
        failed = server.wait_for_task(server.enqueue("raise_error", "KeyError"))
        assert (failed["status"], failed["error"]["type"]) == ("FAILED", "builtins.KeyError")
        timed_out = server.wait_for_task(server.enqueue("endless_statement"))
        assert timed_out["error"]["type"] == "tasks.errors.TaskTimeout"
        assert statements_running(address) == 0
        lost = server.enqueue("attempt", str(gate))
        gates.wait_for_arrival(gate)
        server.send(signal.SIGKILL)
        server.wait_exit()
    with running(tmp_path / "data", DATABASE_URL=address) as server:
        assert server.wait_for_task(lost)["result"] == 2
        assert server.metric("tasks_total", outcome="lost") == 1
        assert server.stop() == 0


def test_two_nodes_may_share_a_data_dir(address, tmp_path):
    with running(tmp_path, DATABASE_URL=address) as one, running(tmp_path, DATABASE_URL=address) as other:
        assert one.wait_for_task(one.enqueue("add", 1, 2))["result"] == 3
        assert other.wait_for_task(other.enqueue("add", 3, 4))["result"] == 7
        assert one.stop() == 0
        assert other.stop() == 0
