"""What the server does as a process: start, stop, crash, and what it says about itself."""

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.server import PROJECT, Server, end, run_main, running
from tests.site import gates


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One for the tests that neither stop nor break it."""
    with running(tmp_path_factory.mktemp("data")) as server:
        yield server


def test_there_is_one_process(server):
    server.wait_for_task(server.enqueue("add", 1, 2))
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()

    assert children == ""


def test_each_pool_runs_in_its_own_interpreter(server):
    tasks = [server.enqueue("which_interpreter", queue_name=queue) for queue in ("critical", "default", "images")]
    workers = {server.wait_for_task(task)["result"] for task in tasks}
    web = {server.client.get("/test/interpreter").json()["interpreter"] for _ in range(20)}

    assert len(workers) == 3
    assert workers.isdisjoint(web)
    assert 0 not in workers | web
    assert server.metric("interpreter_up", kind="web", interpreter="isolated") == 2
    assert server.metric("interpreter_up", name="images-1", interpreter="legacy") == 1


def test_a_task_lets_requests_go_first_where_it_can(server):
    """By how nice threads are. Tasks that share the GIL of the main interpreter would have it wait with them."""
    folder = Path(f"/proc/{server.process.pid}/task")
    nice = {}
    for thread in folder.iterdir():
        name, values = (thread / "comm").read_text().strip(), (thread / "stat").read_text().rpartition(")")[2].split()
        nice[name] = int(values[16])

    assert (nice["critical-1"], nice["default-1"]) == (5, 5)
    assert {name: value for name, value in nice.items() if value and name not in ("critical-1", "default-1")} == {}


def test_the_main_interpreter_imports_no_django():
    code = (
        "import sys, threading, os, signal, main\n"
        "sys.argv = ['main.py', '--port', '0']\n"
        "from runtime.start import command\n"
        "announce = command.announce\n"
        "main.announce = lambda *a: (announce(*a), os.kill(os.getpid(), signal.SIGTERM))\n"
        "code = main.main()\n"
        "print(code, [name for name in sys.modules if name.partition('.')[0] in ('django', 'tasks', 'samples')])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip

    assert result.stdout == "0 []\n"


def test_health_is_answered_while_every_web_thread_is_busy(server, tmp_path):
    gate = [gates.make(tmp_path, f"gate{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(server.client.get, f"/test/wait{path}") for path in gate]
        for path in gate:
            gates.wait_for_arrival(path)
        healthy = {path: server.client.get(path).status_code for path in ("/healthz", "/up", "/readyz", "/metrics")}
        for path in gate:
            gates.open_gate(path)

    assert set(healthy.values()) == {200}
    assert [answer.result().text for answer in waiting] == ["through"] * 4


def test_the_port_answers_before_the_interpreters_are_ready(tmp_path):
    server = Server(tmp_path)
    try:
        address = server.wait_for("listening")["address"]
        assert httpx.get(f"{address}/healthz").text == "ok\n"
        early = httpx.get(f"{address}/readyz")
        server.wait_until_ready()
        assert early.status_code == 503 or server.client.get("/readyz").status_code == 200
        assert server.client.get("/readyz").status_code == 200
    finally:
        end(server)


def test_an_upload_that_comes_during_the_first_start_is_taken(tmp_path):
    server = Server(tmp_path)
    try:
        address = server.wait_for("listening")["address"]
        files = {"file": ("early.pdf", b"%PDF-1.4" + bytes(200_000))}  # more than is kept in memory
        assert httpx.post(f"{address}/api/documents/", files=files, timeout=60).status_code == 202
    finally:
        end(server)


def test_sigterm_ends_it_with_0_and_finishes_what_runs(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data") as server:
        task = server.enqueue("wait_at", str(gate))
        gates.wait_for_arrival(gate)
        server.send(signal.SIGTERM)
        server.wait_for("stopping")
        gates.open_gate(gate)
        assert server.wait_exit() == 0
    with running(tmp_path / "data") as server:
        assert server.client.get(f"/api/tasks/{task}/").json()["result"] == "through"


def test_a_task_that_outlasts_the_stop_goes_back_to_the_queue_with_no_attempt_lost(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", SHUTDOWN_TIMEOUT="0.5") as server:
        task = server.enqueue("attempt", str(gate))
        gates.wait_for_arrival(gate)
        assert server.stop() == 0
        assert server.wait_for("tasks_given_back")["number"] == 1
    with running(tmp_path / "data") as server:
        gates.wait_for_arrival(gate)
        gates.open_gate(gate)
        state = server.wait_for_task(task)
        assert (state["status"], state["result"], state["attempts"]) == ("SUCCESSFUL", 1, 1)


def test_sigterm_during_the_start_ends_it_with_0(tmp_path):
    server = Server(tmp_path)
    server.wait_for("listening")
    assert server.stop() == 0


def test_the_second_signal_ends_it_at_once(tmp_path):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data") as server:
        server.enqueue("wait_at", str(gate))
        gates.wait_for_arrival(gate)
        server.send(signal.SIGTERM)
        server.wait_for("stopping")
        server.send(signal.SIGTERM)
        assert server.wait_exit() == 128 + signal.SIGTERM


def test_after_a_kill_the_next_start_runs_the_task_again(tmp_path):
    gate, other = gates.make(tmp_path, "gate"), gates.make(tmp_path, "other")
    with running(tmp_path / "data") as server:
        again = server.enqueue("attempt", str(gate))
        gates.wait_for_arrival(gate)
        failed = server.enqueue("once", str(other), queue_name="critical")
        gates.wait_for_arrival(other)
        server.send(signal.SIGKILL)
        server.wait_exit()
    with running(tmp_path / "data") as server:
        state = server.wait_for_task(again)
        assert (state["status"], state["result"]) == ("SUCCESSFUL", 2)
        lost = server.wait_for_task(failed)
        assert (lost["status"], lost["error"]["type"]) == ("FAILED", "tasks.errors.WorkerLost")


def test_a_task_that_kills_the_process_three_times_is_failed_and_the_server_stays_up(tmp_path):
    gate = gates.make(tmp_path, "gate")
    task = None
    for _ in range(3):
        with running(tmp_path / "data") as server:
            task = task or server.enqueue("wait_at", str(gate))
            gates.wait_for_arrival(gate)
            server.send(signal.SIGKILL)
            server.wait_exit()
    with running(tmp_path / "data") as server:
        state = server.wait_for_task(task)
        assert (state["status"], state["error"]["type"]) == ("FAILED", "tasks.errors.WorkerLost")


def test_a_task_enqueued_by_another_process_runs_at_once(server):
    code = "from tests.site.tasks import add; print(add.enqueue(20, 22).id)"
    shell = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=PROJECT, env=server.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert server.wait_for_task(shell.stdout.strip())["result"] == 42


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("ROLES", "web,queen", "one or more of web, workers"),
        ("WEB_INTERPRETERS", "0", "a whole number from 1 to 64"),
        ("DEBUG", "maybe", "1 or 0"),
        ("MEMORY_LIMIT", "much", "a number of bytes, or one with a unit"),
        ("SHUTDOWN_TIMEOUT", "soon", "a number of seconds"),
        ("LOG_FORMAT", "xml", "text or json"),
        ("DATABASE_URL", "oracle://x/y", "sqlite:///path/to/file or postgres://"),
        ("SECRET_KEY", "short", "a random text of 32 characters or more"),
    ],
)
def test_a_wrong_variable_stops_the_start_with_one_line(tmp_path, name, value, allowed):
    result = run_main(tmp_path, **{name: value})

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"{name}=")
    assert allowed in result.stderr
    assert value in result.stderr or name in ("SECRET_KEY", "DATABASE_URL")


def test_a_second_server_on_the_same_data_is_refused_with_the_first_ones_process_id(server):
    result = run_main(server.data_dir, "--port", "0")

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"process {server.process.pid} serves it already" in result.stderr


def test_a_port_in_use_is_refused_with_one_line(server, tmp_path):
    port = server.url.rpartition(":")[2]
    result = run_main(tmp_path, "--port", port)

    assert result.returncode == 1
    assert result.stderr.startswith(f"HOST=127.0.0.1 PORT={port}: ")
    assert len(result.stderr.splitlines()) == 1


def test_with_nothing_set_it_is_in_production(tmp_path):
    with running(tmp_path, DEBUG="", SECRET_KEY="", DJANGO_SETTINGS_MODULE="config.settings") as server:
        assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
        assert f"{server.url}/accounts/first/" in server.text
        assert server.client.get("/").status_code == 302
        assert server.client.post("/api/exports/", data={"rows": 1}).status_code in (401, 403)
        assert server.client.get("/", headers={"host": "example.com"}).status_code == 400
        assert server.client.get("/static/style.css").status_code == 200


def test_status_shows_interpreters_and_queues(server, tmp_path):
    shown = run_main(server.data_dir, "status")
    nothing = run_main(tmp_path, "status")

    assert shown.returncode == 0, shown.stderr
    assert "web-1" in shown.stdout
    assert "critical" in shown.stdout
    assert nothing.returncode == 1
