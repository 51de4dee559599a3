"""Faults of the running server, and what it says about itself, seen from outside."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server import run_main, running
from tests.site import gates


def test_a_web_interpreter_that_dies_leaves_nobody_without_an_answer(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", WEB_INTERPRETERS="1") as server, ThreadPoolExecutor(3) as pool:
        beside = pool.submit(server.client.get, f"/test/wait{gate}")
        gates.wait_for_arrival(gate)
        dies = pool.submit(server.client.get, "/test/leave")
        server.wait_for_text("the loop has ended with an error")
        waits = pool.submit(server.client.get, "/test/echo")
        gates.open_gate(gate)

        assert beside.result().text == "through"
        assert dies.result().status_code == 500
        assert waits.result().status_code == 200
        assert server.wait_for("interpreter_died")["interpreter"] == "web-1"
        assert server.metric("interpreter_starts_total", name="web-1") == 2


def test_a_worker_that_dies_is_replaced_and_its_task_runs_again(tmp_path):
    with running(tmp_path) as server:
        server.wait_for_task(server.enqueue("break_the_worker", queue_name="critical"))
        lost = server.wait_for_task(server.enqueue("add", 1, 2, queue_name="critical"))

        assert (lost["status"], lost["result"], lost["attempts"]) == ("SUCCESSFUL", 3, 2)
        assert server.wait_for("interpreter_died")["interpreter"] == "critical-1"
        assert server.metric("tasks_total", queue="critical", outcome="lost") == 1
        assert server.client.get("/readyz").status_code == 200


@pytest.fixture
def broken_web(tmp_path):
    """Variables of a server whose web interpreters do not start."""
    (tmp_path / "broken_settings.py").write_text(
        "from tests.site.settings import *\nWSGI_APPLICATION = 'config.nowhere.application'\n"
    )
    return {"DJANGO_SETTINGS_MODULE": "broken_settings", "PYTHONPATH": str(tmp_path)}


def test_a_pool_that_does_not_start_is_named_while_the_others_serve(tmp_path, broken_web):
    with running(tmp_path / "data", **broken_web) as server:
        ready = server.client.get("/readyz")

        assert (ready.status_code, ready.text) == (503, "no interpreter of web is ready\n")
        assert server.client.get("/healthz").status_code == 200
        assert "nowhere" in server.wait_for("interpreter_died", interpreter="web-1")["reason"]
        server.wait_until(lambda: server.metric("interpreter_starts_total", name="web-1") >= 2)
        assert server.metric("interpreter_up", name="critical-1") == 1
        assert server.stop() == 0


@pytest.mark.parametrize("role", ["web", "workers"])
def test_a_server_of_one_role_starts_no_more_than_that(tmp_path, role):
    with running(tmp_path, ROLES=role) as server:
        page = server.client.get("/test/echo").status_code

        assert server.client.get("/readyz").status_code == 200
        assert (server.metric("interpreter_up", kind="web") > 0) is (role == "web")
        assert (server.metric("interpreter_up", kind="worker") > 0) is (role == "workers")
        assert page == (200 if role == "web" else 404)
        assert server.stop() == 0


def test_what_one_server_enqueues_without_workers_another_one_runs_later(tmp_path):
    with running(tmp_path, ROLES="web") as server:
        task = server.enqueue("add", 20, 22)
        assert server.client.get(f"/api/tasks/{task}/").json()["status"] == "READY"
        server.stop()
    with running(tmp_path) as server:
        assert server.wait_for_task(task)["result"] == 42


def test_a_request_that_waits_for_the_start_does_not_hold_up_the_stop(tmp_path, broken_web):
    with running(tmp_path / "data", SHUTDOWN_TIMEOUT="1000", **broken_web) as server, ThreadPoolExecutor(1) as pool:
        waits = pool.submit(server.client.get, "/test/echo")
        server.wait_until(lambda: server.metric("web_waiting") == 1)

        assert server.stop() == 0
        assert waits.result().status_code == 503


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_stop_it(tmp_path, number):
    with running(tmp_path) as server:
        server.send(number)

        assert server.wait_exit() == 0
        assert "Traceback" not in server.text
        assert not list(tmp_path.glob("server-*.sock"))


def test_while_it_stops_a_request_that_runs_is_answered(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data") as server, ThreadPoolExecutor(1) as pool:
        waits = pool.submit(server.client.get, f"/test/wait{gate}")
        gates.wait_for_arrival(gate)
        server.send(signal.SIGTERM)
        server.wait_for("stopping")
        gates.open_gate(gate)

        assert waits.result().text == "through"
        assert server.wait_exit() == 0


def test_a_request_that_outlasts_the_stop_does_not_keep_it(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", SHUTDOWN_TIMEOUT="0.5") as server, ThreadPoolExecutor(1) as pool:
        waits = pool.submit(server.client.get, f"/test/wait{gate}")
        gates.wait_for_arrival(gate)

        assert server.stop() == 0
        assert waits.exception() is not None


def test_it_listens_on_ipv6_and_a_copy_of_the_arguments_wins_over_the_environment(tmp_path):
    with running(tmp_path, "--host", "::1", HOST="127.0.0.1") as server:
        assert server.url.startswith("http://[::1]:")
        assert server.client.get("/healthz").text == "ok\n"


def test_tracemalloc_is_refused(tmp_path):
    result = run_main(tmp_path, PYTHONTRACEMALLOC="1")

    assert result.returncode == 1
    assert result.stderr.startswith("tracemalloc crashes a process")
    assert len(result.stderr.splitlines()) == 1


def test_a_setting_that_cannot_be_carried_out_is_one_line(tmp_path):
    (tmp_path / "wrong_settings.py").write_text(
        "from config.settings import *\nINTERPRETERS['workers']['images']['queues'] = ['pictures']\n"
    )
    result = run_main(tmp_path, DJANGO_SETTINGS_MODULE="wrong_settings", PYTHONPATH=str(tmp_path))

    assert result.returncode == 1
    assert result.stderr == 'INTERPRETERS["workers"]["images"]: no backend in TASKS has the queue pictures.\n'


def test_interpreters_that_come_and_go_disturb_no_request(tmp_path):
    (tmp_path / "restless_settings.py").write_text(
        "from tests.site.settings import *\nINTERPRETERS['workers']['exports']['idle'] = 0\n"
    )
    settings = {"DJANGO_SETTINGS_MODULE": "restless_settings", "PYTHONPATH": str(tmp_path)}
    over = threading.Event()
    with running(tmp_path / "data", **settings) as server, ThreadPoolExecutor(4) as pool:

        def ask():
            return {server.client.get("/test/echo").status_code for _ in iter(over.is_set, True)}

        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for number in range(1, 4):
                assert server.wait_for_task(server.enqueue("add", number, 0, queue_name="exports"))["result"] == number
                server.wait_until(lambda n=number: server.count("interpreter_closed", interpreter="exports-1") == n)
        finally:
            over.set()

        assert [statuses.result() for statuses in asking] == [{200}] * 4
        assert server.metric("interpreter_starts_total", name="exports-1") == 3
