"""Recurring tasks in running servers: each tick once, on one node and on two; what was missed; from the admin."""

import contextlib
import re
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime

import psycopg
import pytest

from tests.server import PROJECT, running

SITE = {"DJANGO_SETTINGS_MODULE": "tests.ticking.settings"}
QUIET = SITE | {"TICK_EVERY": "1d"}  # no tick at which somebody would look who was not told
TICKS = "SELECT enqueued_at FROM tasks_taskrecord WHERE task = 'tests.ticking.tasks.tick' ORDER BY id"
RARE = "SELECT count(*) FROM tasks_taskrecord WHERE task = 'tests.ticking.tasks.rare' AND status = 'SUCCESSFUL'"

LOG_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create_superuser("ada"))
print(client.cookies["sessionid"].value)
"""
RUN_RARE = """
from tasks.house import ticks
from tasks.models import Schedule
ticks.run_now(Schedule.objects.get(name="rare"))
"""


def shell(server, code):
    """What code prints in another process on the same data."""
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", code]
    done = subprocess.run(command, cwd=PROJECT, env=server.environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def sqlite(data, statement):
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3", autocommit=True)) as database:
        return database.execute(statement).fetchall()


def postgresql_rows(address, statement):
    with psycopg.connect(address) as connection:
        return connection.execute(statement).fetchall()


def assert_each_tick_once(moments):
    """No more than one for each second; a tick can be taken at the very end of one and enqueued in the next."""
    seconds = [int(moment.timestamp()) for moment in moments]
    assert len(seconds) <= seconds[-1] - seconds[0] + 2


def log_in(server):
    server.client.cookies.set("sessionid", shell(server, LOG_IN))


def act(server, action, name):
    """As somebody does in the admin's list."""
    page = server.client.get("/admin/tasks/schedule/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    data = {"action": action, "_selected_action": name, "csrfmiddlewaretoken": token}
    answer = server.client.post("/admin/tasks/schedule/", data=data)
    assert answer.status_code == 302, answer.text


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), **SITE) as server:
        yield server


def test_a_server_keeps_the_time(server):
    server.wait_until(lambda: len(sqlite(server.data_dir, TICKS)) >= 4)
    moments = [datetime.fromisoformat(f"{text}+00:00") for (text,) in sqlite(server.data_dir, TICKS)]

    assert_each_tick_once(moments)
    names = {name for (name,) in sqlite(server.data_dir, "SELECT name FROM tasks_schedule")}
    assert names == {"tick", "rare", "tasks.commands.run_command clearsessions"}


def test_paused_it_stands_still_and_resumed_it_goes_on(server):
    log_in(server)
    act(server, "pause", "tick")
    paused = len(sqlite(server.data_dir, TICKS))
    run_rare = sqlite(server.data_dir, RARE)[0][0] + 1
    act(server, "run_now", "rare")
    server.wait_until(lambda: sqlite(server.data_dir, RARE) == [(run_rare,)])
    assert len(sqlite(server.data_dir, TICKS)) == paused

    act(server, "resume", "tick")
    server.wait_until(lambda: len(sqlite(server.data_dir, TICKS)) > paused)


def test_it_runs_when_the_admin_or_another_process_asks(tmp_path):
    with running(tmp_path, **QUIET) as server:
        log_in(server)
        for number, ask in enumerate([lambda: act(server, "run_now", "rare"), lambda: shell(server, RUN_RARE)], 1):
            ask()
            server.wait_until(lambda number=number: sqlite(tmp_path, RARE) == [(number,)])


def test_a_scheduled_command_runs_in_the_server(tmp_path):
    command = "SELECT status FROM tasks_taskrecord WHERE task = 'tasks.commands.run_command'"
    with running(tmp_path, **QUIET) as server:
        log_in(server)
        act(server, "run_now", "tasks.commands.run_command clearsessions")
        server.wait_until(lambda: sqlite(tmp_path, command) == [("SUCCESSFUL",)])


def test_what_was_missed_is_made_up_for_once_at_the_next_start(tmp_path):
    with running(tmp_path, **SITE) as server:
        server.wait_until(lambda: len(sqlite(tmp_path, TICKS)) >= 1)
        server.send(signal.SIGKILL)
        server.wait_exit()
    sqlite(tmp_path, "UPDATE tasks_schedule SET next_run = '2004-02-29 00:00:00' WHERE name = 'rare'")
    before = len(sqlite(tmp_path, TICKS))
    with running(tmp_path, **SITE) as server:
        assert server.wait_for("schedule_late", name="rare")["due"] == "2004-02-29T00:00:00+00:00"
        server.wait_until(lambda: len(sqlite(tmp_path, TICKS)) >= before + 3)
        assert sqlite(tmp_path, RARE) == [(1,)]


def test_on_two_nodes_each_tick_is_enqueued_once_and_goes_on_when_one_dies(address, tmp_path):
    def moments():
        return [moment for (moment,) in postgresql_rows(address, TICKS)]

    one = running(tmp_path / "one", DATABASE_URL=address, **SITE)
    other = running(tmp_path / "other", DATABASE_URL=address, **SITE)
    with one as first, other as second:
        before = len(moments())
        second.wait_until(lambda: len(moments()) >= before + 5)
        assert_each_tick_once(moments()[before:])
        first.send(signal.SIGKILL)
        first.wait_exit()
        alone = len(moments())
        second.wait_until(lambda: len(moments()) >= alone + 2)


def test_a_web_only_node_has_the_others_run_it(address, tmp_path):
    workers = running(tmp_path / "workers", DATABASE_URL=address, ROLES="workers", **QUIET)
    web = running(tmp_path / "web", DATABASE_URL=address, ROLES="web", **QUIET)
    with workers, web as server:
        log_in(server)
        act(server, "run_now", "rare")
        server.wait_until(lambda: postgresql_rows(address, RARE) == [(1,)])
