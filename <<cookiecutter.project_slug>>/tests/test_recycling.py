"""Recycling: an interpreter that has served long enough makes room for a new one, and nobody notices."""

import signal

import pytest

from tests.project import Project, clients
from tests.server import running


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def settle_all(server, tasks):
    return [server.wait_for_task(task) for task in tasks]


def test_after_max_tasks_a_new_interpreter_goes_on_and_no_task_is_lost(tmp_path, project):
    project.settings("INTERPRETERS['workers']['default'] |= {'count': 1, 'max_tasks': 3}")
    with running(tmp_path / "data", project=project.folder) as server:
        states = []
        while server.count("interpreter_recycled", reason="max_tasks") < 3:
            states.append(server.wait_for_task(server.enqueue("which_interpreter")))
        waiting = [server.enqueue("which_interpreter") for _ in range(20)]
        states += settle_all(server, waiting)

        assert {(state["status"], state["attempts"]) for state in states} == {("SUCCESSFUL", 1)}
        assert len({state["result"] for state in states}) >= 3
        assert server.metric("tasks_total", queue="default", outcome="successful") == len(states)
        assert server.metric("task_seconds_count", queue="default") == len(states)
        assert server.stop() == 0


def test_a_task_is_not_delayed_by_the_recycling_of_its_interpreter(tmp_path, project):
    """The old one takes tasks until the new one is ready, and no successor can be ready here."""
    project.settings("INTERPRETERS['workers']['default'] |= {'count': 1, 'max_tasks': 1}")
    with running(tmp_path / "data", project=project.folder) as server:
        project.settings("from tests import nowhere")
        before = server.wait_for_task(server.enqueue("which_interpreter"))["result"]
        failed = server.wait_for("recycling_failed")
        after = server.wait_for_task(server.enqueue("which_interpreter"))["result"]

        assert failed["reason"].endswith("cannot import name 'nowhere' from 'tests' (unknown location)") or (
            "ImportError" in failed["reason"]
        )
        assert before == after
        assert server.count("interpreter_recycled") == 0


def test_after_max_requests_a_new_interpreter_serves_and_no_request_fails(tmp_path, project):
    project.settings("INTERPRETERS['web'] |= {'max_requests': 100}")
    with running(tmp_path / "data", project=project.folder) as server:
        with clients(server) as asking:
            server.wait_until(lambda: server.count("interpreter_recycled", reason="max_requests") >= 4)
        answered = server.metric("web_requests_total", status="200")

    assert asking.failed == []
    assert len(set(asking.seen("interpreter"))) >= 4
    assert answered >= len(asking.answers)


def test_after_max_growth_a_new_interpreter_goes_on(tmp_path, project):
    project.settings("INTERPRETERS['workers']['default'] |= {'count': 1, 'max_growth': 50_000}")
    with running(tmp_path / "data", project=project.folder) as server:
        before = server.wait_for_task(server.enqueue("grow", 10_000))["result"]
        assert server.wait_for_task(server.enqueue("grow", 10_000))["result"] == before
        assert server.count("interpreter_recycled") == 0
        assert server.wait_for_task(server.enqueue("grow", 60_000))["result"] == before
        server.wait_for("interpreter_recycled", interpreter="default-1", reason="max_growth")
        assert server.wait_for_task(server.enqueue("which_interpreter"))["result"] != before
        assert server.wait_for_task(server.enqueue("grow", 10_000))["result"] != before
        assert server.count("interpreter_recycled") == 1


def test_sighup_while_interpreters_are_recycled_all_the_time(tmp_path, project):
    project.settings("INTERPRETERS['workers']['default'] |= {'count': 1, 'max_tasks': 1}")
    project.settings("INTERPRETERS['web'] |= {'max_requests': 50}")
    with running(tmp_path / "data", project=project.folder) as server:
        with clients(server) as asking:
            tasks = [server.enqueue("which_version") for _ in range(30)]
            server.wait_until(lambda: server.count("interpreter_recycled") >= 2)
            project.version("brand new")
            server.send(signal.SIGHUP)
            server.wait_until(lambda: server.count("reloaded") + server.count("reload_failed") == 1)
            last = len(asking.answers) + 3
            server.wait_until(lambda: len(asking.answers) > last + 30)
        states = settle_all(server, tasks)

        assert server.count("reload_failed") == 0
        assert asking.failed == []
        assert set(asking.seen("version")[last:]) == {"brand new"}
        assert {(state["status"], state["attempts"]) for state in states} == {("SUCCESSFUL", 1)}
        assert server.wait_for_task(server.enqueue("which_version"))["result"] == "brand new"
