"""SIGHUP and --reload: a real server, whose code on disk changes while it is asked without pause."""

import signal

import pytest

from tests.project import Project, clients
from tests.server import Server, end, running
from tests.site import gates

SETTINGS = "tests/site/settings.py"
ENDS = ("reloaded", "reload_failed")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """A server whose code on disk is newer than what it serves, for the tests that change nothing of that."""
    folder = tmp_path_factory.mktemp("steady")
    project = Project(folder / "project")
    with running(folder / "data", project=project.folder) as server:
        project.version("brand new")
        yield project, server


def reload(server):
    """Send SIGHUP; the event with which the reload ends."""
    before = len(server.events_of(*ENDS))
    server.send(signal.SIGHUP)
    server.wait_until(lambda: len(server.events_of(*ENDS)) > before)
    return server.events_of(*ENDS)[before]


def workers(server):
    """The interpreters of the workers that always run, by queue."""
    tasks = {queue: server.enqueue("which_interpreter", queue_name=queue) for queue in ("critical", "default")}
    return {queue: server.wait_for_task(task)["result"] for queue, task in tasks.items()}


def up(server):
    """The names of the interpreters that are ready."""
    names = {sample.labels["name"] for sample in server.samples("interpreter_up") if sample.value}
    return sorted(names)


def test_sighup_replaces_every_interpreter_under_load_and_no_request_fails(tmp_path, project):
    with running(tmp_path / "data", project=project.folder) as server:
        before = workers(server)
        with clients(server) as asking:
            server.wait_until(lambda: len(asking.answers) > 20)
            project.version("brand new")
            assert reload(server)["action"] == "reloaded"
            last = len(asking.answers) + 3  # one answer may be on its way to each client
            server.wait_until(lambda: len(asking.answers) > last + 30)

        assert asking.failed == []
        assert set(asking.seen("version")[:20]) == {"old"}
        assert set(asking.seen("version")[last:]) == {"brand new"}
        old, new = set(asking.seen("interpreter")[:20]), set(asking.seen("interpreter")[last:])
        assert (len(old), len(new), old & new) == (2, 2, set())
        after = workers(server)
        assert set(before.values()).isdisjoint(after.values())
        assert server.stop() == 0


def test_running_tasks_finish_in_the_old_interpreter_and_waiting_ones_run_in_the_new(tmp_path, project):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", project=project.folder) as server:
        running_task = server.enqueue("which_version", str(gate), queue_name="critical")
        gates.wait_for_arrival(gate)
        waiting_task = server.enqueue("which_version", queue_name="critical")
        project.version("brand new")
        assert reload(server)["action"] == "reloaded"
        assert server.wait_for_task(waiting_task)["result"] == "brand new"
        assert server.client.get(f"/api/tasks/{running_task}/").json()["status"] == "RUNNING"
        gates.open_gate(gate)
        state = server.wait_for_task(running_task)

    assert (state["result"], state["attempts"]) == ("old", 1)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (SETTINGS, "oh no(", r"SyntaxError: '(' was never closed (settings.py, line "),
        (
            "tests/site/urls.py",
            "import nowhere",
            "ModuleNotFoundError: No module named 'nowhere' (tests/site/urls.py, ",
        ),
        (
            "tests/site/views.py",
            "import nowhere",
            "ModuleNotFoundError: No module named 'nowhere' (tests/site/views.py, ",
        ),
        (
            SETTINGS,
            "MIDDLEWARE.remove('django.contrib.sessions.middleware.SessionMiddleware')",
            "?: (admin.E410) 'django.contrib.sessions",
        ),
        (SETTINGS, "WSGI_APPLICATION = 'nowhere.x'", "web-1: its successor did not come up: "),
        (SETTINGS, "INTERPRETERS['web']['count'] = -1", 'INTERPRETERS["web"]["count"]=-1: allowed is'),
        (SETTINGS, "PORT = 1", "PORT: changed, which takes a restart."),
        (SETTINGS, "DATA_DIR = BASE_DIR / 'else'", "DATA_DIR: changed, which takes a restart."),
        (SETTINGS, "HOST = '::1'; ROLES = ('web',)", "HOST, ROLES: changed, which takes a restart."),
        (
            SETTINGS,
            "TASKS['default']['QUEUES'].append('more')",
            "QUEUES of TASKS: changed, which takes a restart.",
        ),
        ("runtime/shared/board.py", "# newer", "has changed on disk, which takes a restart"),
    ],
)
def test_what_does_not_start_leaves_the_old_code_serving_and_the_log_says_why(steady, name, text, reason):
    project, server = steady
    before = (project.folder / name).read_text()
    with clients(server) as asking:
        project.append(name, text)
        ended = reload(server)
        last = len(asking.answers)
        server.wait_until(lambda: len(asking.answers) > last + 20)
        project.write(name, before)

    assert ended["action"] == "reload_failed"
    assert reason in ended["reason"]
    assert "\n" not in ended["reason"]
    assert asking.failed == []
    assert set(asking.seen("version")) == {"old"}
    assert not (project.folder / "else").exists() or not list((project.folder / "else").glob("*.sqlite3"))
    assert workers(server).keys() == {"critical", "default"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("INTERPRETERS['web']['count'] = 4", ["critical-1", "default-1", "web-1", "web-2", "web-3", "web-4"]),
        ("INTERPRETERS['web']['count'] = 1", ["critical-1", "default-1", "web-1"]),
        ("INTERPRETERS['web']['threads'] = 4", ["critical-1", "default-1", "web-1", "web-2"]),
        ("del INTERPRETERS['workers']['critical']", ["default-1", "web-1", "web-2"]),
        (
            "INTERPRETERS['workers']['more'] = {'queues': ['default', 'exports'], 'count': (2, 3), 'threads': 2}",
            ["critical-1", "default-1", "more-1", "more-2", "web-1", "web-2"],
        ),
        (
            "INTERPRETERS['workers']['default']['count'] = (2, 2)",
            ["critical-1", "default-1", "default-2", "web-1", "web-2"],
        ),
    ],
)
def test_other_interpreters_are_started_and_closed_and_the_server_is_ready_all_the_time(tmp_path, project, text, names):
    with running(tmp_path / "data", project=project.folder) as server:
        with clients(server) as asking, clients(server, "/readyz", 1) as checking:
            project.settings(text)
            assert reload(server)["action"] == "reloaded"
            server.wait_until(lambda: up(server) == names)
        assert asking.failed == checking.failed == []
        assert server.wait_for_task(server.enqueue("add", 1, 2, queue_name="default"))["result"] == 3
        assert server.wait_for_task(server.enqueue("add", 1, 2, delay=0.1))["result"] == 3  # somebody keeps house
        assert server.stop() == 0


def test_more_threads_than_there_are_seats_for_take_a_restart(tmp_path, project):
    with running(tmp_path / "data", project=project.folder) as server:
        project.settings("INTERPRETERS['web']['count'] = 60")
        assert reload(server)["reason"] == "INTERPRETERS: so many more threads take a restart."


def test_new_code_that_answers_with_errors_is_taken_back(tmp_path, project):
    project.settings("INTERPRETERS['web']['canary'] = 0.5")
    with running(tmp_path / "data", project=project.folder) as server:
        with clients(server) as asking:
            project.append("tests/site/views.py", "def version(request):\n    raise RuntimeError('new')")
            ended = reload(server)
            last = len(asking.answers) + 10  # those that were on their way
            server.wait_until(lambda: len(asking.answers) > last + 30)
        canary = server.wait_for("canary")

    assert ended["action"] == "reload_failed"
    assert canary["failed"] == canary["served"] > 0
    assert canary["others_failed"] == 0 < canary["others"]
    numbers = f"{canary['failed']} of {canary['served']} requests with an error, the others 0 of {canary['others']}"
    assert numbers in ended["reason"]
    assert {answer.status_code for answer in asking.answers[:last]} == {200, 500}
    assert {answer.status_code for answer in asking.answers[last:]} == {200}
    assert set(asking.seen("version")) == {"old"}


def test_errors_that_the_old_code_gives_as_well_are_not_held_against_the_new(tmp_path, project):
    project.settings("INTERPRETERS['web']['canary'] = 0.5")
    with running(tmp_path / "data", project=project.folder) as server, clients(server, "/test/fail"):
        assert reload(server)["action"] == "reloaded"


def test_sighup_during_a_reload_loads_once_more(tmp_path, project):
    with running(tmp_path / "data", project=project.folder) as server, clients(server) as asking:
        server.send(signal.SIGHUP)
        server.wait_for("interpreter_closed", interpreter="web-1")
        project.version("brand new")
        for _ in range(3):
            server.send(signal.SIGHUP)
        server.wait_until(lambda: server.count("reloaded") == 2)
        last = len(asking.answers) + 3
        server.wait_until(lambda: len(asking.answers) > last + 30)
        assert server.wait_for_task(server.enqueue("which_version"))["result"] == "brand new"

    assert set(asking.seen("version")[last:]) == {"brand new"}
    assert asking.failed == []
    assert (server.count("reloading"), server.count("reload_failed")) == (2, 0)


def test_a_long_task_keeps_its_interpreter_through_many_reloads(tmp_path, project):
    gate = gates.make(tmp_path, "gate")
    with running(tmp_path / "data", project=project.folder) as server:
        task = server.enqueue("which_version", str(gate))
        gates.wait_for_arrival(gate)
        project.version("brand new")
        for _ in range(4):
            assert reload(server)["action"] == "reloaded"
        assert server.wait_for_task(server.enqueue("which_version"))["result"] == "brand new"
        gates.open_gate(gate)
        assert server.wait_for_task(task)["result"] == "old"
        assert server.stop() == 0


def test_without_free_seats_a_reload_waits_for_a_long_task_and_says_so(tmp_path, project):
    project.settings("INTERPRETERS['workers'] = {'default': {'queues': ['default'], 'threads': 8}}")
    project.settings("INTERPRETERS['web'] |= {'count': 1, 'threads': 1}")
    gate = [gates.make(tmp_path, f"gate{number}") for number in range(6)]
    with running(tmp_path / "data", project=project.folder) as server:
        tasks = []
        for path in gate:
            tasks.append(server.enqueue("which_version", str(path)))
            gates.wait_for_arrival(path)
            server.send(signal.SIGHUP)
            number = len(tasks)
            server.wait_until(lambda: server.count("reloaded") == number or server.count("waiting_for_seats"))  # noqa: B023
            if server.count("waiting_for_seats"):
                break
        reloaded = server.count("reloaded")
        assert 2 <= reloaded < len(tasks)
        assert server.client.get("/test/version").status_code == 200
        for path in gate[: len(tasks)]:
            gates.open_gate(path)
        server.wait_until(lambda: server.count("reloaded") > reloaded)
        assert {server.wait_for_task(task)["status"] for task in tasks} == {"SUCCESSFUL"}


@pytest.mark.parametrize(
    "moment",
    ["reloading", "interpreter_closed", "canary"],
)
def test_sigterm_during_a_reload_ends_it_with_0(tmp_path, project, moment):
    project.settings("INTERPRETERS['web']['canary'] = 0.1")
    with running(tmp_path / "data", project=project.folder, SHUTDOWN_TIMEOUT="20") as server:
        with clients(server) as asking:
            server.send(signal.SIGHUP)
            server.wait_for(moment)
            asking.ended.set()
            for thread in asking.threads:
                thread.join()
            assert server.stop() == 0
        assert asking.failed == []
        assert server.count("tasks_given_back") == 0
        assert server.count("reload_failed") == 0
        assert "Traceback" not in server.text


def test_sigterm_during_a_reload_that_does_not_come_to_an_end_keeps_to_its_budget(tmp_path, project):
    with running(tmp_path / "data", project=project.folder, SHUTDOWN_TIMEOUT="0.5") as server:
        gate = gates.make(tmp_path, "gate")
        project.settings(f"from tests.site import gates; gates.arrive_and_wait({str(gate)!r})")
        server.send(signal.SIGHUP)
        gates.wait_for_arrival(gate)
        assert server.client.get("/test/version").json()["version"] == "old"
        server.send(signal.SIGTERM)
        assert server.wait_exit() == 0
        assert server.count("stopped") == 1


def test_sighup_before_it_is_ready_is_heard_when_it_is(tmp_path, project):
    server = Server(tmp_path / "data", project=project.folder)
    try:
        server.wait_for("listening")
        server.send(signal.SIGHUP)
        server.wait_until_ready()
        server.wait_for("reloaded")
        assert server.client.get("/test/version").status_code == 200
        assert server.stop() == 0
    finally:
        end(server)


def test_sighup_while_main_is_still_importing_does_not_end_it(tmp_path, project):
    gate = gates.make(tmp_path, "gate")
    project.write(
        "uvloop.py", f"from tests.site import gates\ngates.arrive_and_wait({str(gate)!r})\nraise SystemExit(3)"
    )
    server = Server(tmp_path / "data", project=project.folder)
    try:
        gates.wait_for_arrival(gate)
        server.send(signal.SIGHUP)
        gates.open_gate(gate)
        assert server.wait_exit() == 3
    finally:
        end(server)


def test_with_reload_changed_code_is_served_and_a_syntax_error_is_not(tmp_path, project):
    with running(tmp_path / "data", "--reload", project=project.folder) as server, clients(server) as asking:

        def version():
            return server.client.get("/test/version").json()["version"]

        project.version("brand new")
        server.wait_until(lambda: version() == "brand new")
        server.wait_for("reloaded")
        views = (project.folder / "tests/site/views.py").read_text()
        project.write("tests/site/views.py", views + "oh no(")
        server.wait_for("reload_failed")
        assert version() == "brand new"
        project.version("even newer")
        server.wait_until(lambda: server.count("reload_failed") == 2)
        project.write("tests/site/views.py", views + "# good")
        server.wait_until(lambda: version() == "even newer")
        server.wait_until(lambda: server.count("reloaded") == 2)
        assert server.wait_for_task(server.enqueue("which_version"))["result"] == "even newer"

    assert asking.failed == []
