"""A queue of the running server is paused and resumed by another process."""

import time

from tests.server import Server, manage, running

SOON = 10  # seconds; the net below the wake-ups comes round every 30


def status(server: Server, task: str) -> str:
    return str(server.client.get(f"/api/tasks/{task}/").json()["status"])


def add(server: Server, queue: str) -> str:
    return server.enqueue("add", 1, 2, queue_name=queue)


def test_a_paused_queue_stays_so_over_restarts_and_starts_no_interpreter(tmp_path):
    with running(tmp_path) as server:
        assert manage(tmp_path, "tasks", "pause", "exports", "critical").startswith("exports: paused.")
        for queue in ("exports", "critical"):
            server.wait_for("queue_paused", queue=queue)
        waiting = [add(server, queue) for queue in ("exports", "critical", "exports")]
        assert server.wait_for_task(add(server, "images"))["result"] == 3  # others go on
        assert {status(server, task) for task in waiting} == {"READY"}
        assert server.metric("queue_ready", queue="exports") == 2
        assert server.metric("interpreter_starts_total", name="exports-1") == 0
        assert server.stop() == 0
    with running(tmp_path) as server:
        server.wait_for("queue_paused", queue="exports")
        waiting.append(add(server, "exports"))
        assert server.wait_for_task(add(server, "images"))["result"] == 3
        assert {status(server, task) for task in waiting} == {"READY"}
        assert server.metric("interpreter_starts_total", name="exports-1") == 0
        rows = [row.split()[:4] for row in manage(tmp_path, "tasks").splitlines()]
        assert ["exports", "paused", "3", "0"] in rows
        assert ["default", "open", "0", "0"] in rows

        started = time.monotonic()
        manage(tmp_path, "tasks", "resume", "exports", "critical")
        assert {server.wait_for_task(task)["result"] for task in waiting} == {3}
        assert server.wait_for_task(add(server, "exports"))["result"] == 3
        assert time.monotonic() - started < SOON


def test_a_queue_holds_on_all_nodes_and_goes_on_on_all(address, tmp_path):
    folders = [tmp_path / "1", tmp_path / "2"]
    with running(folders[0], DATABASE_URL=address) as one, running(folders[1], DATABASE_URL=address) as other:
        assert manage(folders[0], "tasks", "pause", "default", DATABASE_URL=address) == "default: paused.\n"
        waiting = [add(server, "default") for server in (one, other) * 10]  # at once: the table counts
        for server in (one, other):
            server.wait_for("queue_paused", queue="default")
            assert server.wait_for_task(add(server, "exports"))["result"] == 3
        waiting += [add(server, "default") for server in (one, other)]
        assert {status(one, task) for task in waiting} == {"READY"}

        started = time.monotonic()
        manage(folders[1], "tasks", "resume", "default", DATABASE_URL=address)
        for server in (one, other):
            server.wait_for("queue_resumed", queue="default")
        assert {one.wait_for_task(task)["result"] for task in waiting} == {3}
        assert time.monotonic() - started < SOON
