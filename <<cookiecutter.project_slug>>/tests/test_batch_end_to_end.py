"""Batches in the running server: one callback, whoever is killed meanwhile."""

import signal
from pathlib import Path

from tests.server import Server, manage, running
from tests.site import gates


def begin(server: Server, *tasks: tuple[object, ...]) -> str:
    """Enqueue a batch of (task, arguments, queue); its id."""
    body = [[name, arguments, {"queue_name": queue}] for name, arguments, queue in tasks]
    answer = server.client.post("/test/batch", json=body)
    assert answer.status_code == 200, answer.text + server.text
    return str(answer.json()["id"])


def callbacks(folder: Path, **variables: str) -> list[str]:
    """The ids of all callbacks that were enqueued."""
    shown = manage(folder, "tasks", "list", "--task", "tests.site.tasks.batch_is_done", "--limit", "99", **variables)
    return [line.split()[0] for line in shown.splitlines()]


def result_of_the_callback(folder: Path, *servers: Server, after: int, **variables: str) -> object:
    """What the only callback has returned, once so many tasks before it have ended well on these servers."""
    wait_for_successful(after + 1, *servers)
    (task,) = callbacks(folder, **variables)
    return servers[0].wait_for_task(task)["result"]


def wait_for_successful(number: int, *servers: Server) -> None:
    def ended_well() -> bool:
        return sum(server.metric("tasks_total", outcome="successful") for server in servers) == number

    servers[0].wait_until(ended_well)


def test_the_callback_of_a_batch_comes_once_after_kill_9_in_its_middle(tmp_path):
    data, names = tmp_path / "data", ("critical", "default", "exports")
    paths = {name: gates.make(tmp_path, name) for name in names}
    with running(data) as server:
        batch = begin(
            server,
            ("attempt", [str(paths["critical"])], "critical"),
            ("attempt", [str(paths["default"])], "default"),
            ("once", [str(paths["exports"])], "exports"),
            ("add", [1, 2], "images"),
            ("raise_error", ["KeyError"], "images"),
            *[("add", [1, 2], "critical")] * 5,
        )
        for path in paths.values():
            gates.wait_for_arrival(path)
        server.wait_until(lambda: server.metric("tasks_total", queue="images") == 2)
        server.send(signal.SIGKILL)
        server.wait_exit()
    assert callbacks(data) == []
    with running(data) as server:
        assert result_of_the_callback(data, server, after=7) == [batch, 8, 2]
        assert server.stop() == 0
    with running(data) as server:
        assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3
        assert len(callbacks(data)) == 1


def test_a_batch_over_two_nodes_of_which_one_is_killed(address, tmp_path):
    gate, here = gates.make(tmp_path, "gate"), {"DATABASE_URL": address}
    with running(tmp_path / "one", **here) as one:
        batch = begin(one, ("attempt", [str(gate)], "exports"), ("attempt", [str(gate)], "images"))
        for _ in range(2):
            gates.wait_for_arrival(gate)
        with running(tmp_path / "other", **here) as other:
            one.send(signal.SIGKILL)
            assert result_of_the_callback(tmp_path, other, after=2, **here) == [batch, 2, 0]


def test_many_small_batches_over_two_nodes(address, tmp_path):
    """Their last tasks end at the same time on both."""
    here = {"DATABASE_URL": address}
    before = set(callbacks(tmp_path, **here))
    with running(tmp_path / "one", **here) as one, running(tmp_path / "other", **here) as other:
        tasks = [("add", [1, 2], queue) for queue in ("critical", "default")] * 2
        batches = [begin(server, *tasks) for server in (one, other) * 10]
        wait_for_successful(5 * len(batches), one, other)
        new = set(callbacks(tmp_path, **here)) - before
        assert sorted(one.wait_for_task(task)["result"] for task in new) == [[batch, 4, 0] for batch in sorted(batches)]
