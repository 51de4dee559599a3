"""The operations page of a real server: what main sends to it, and what main does for it."""

import contextlib
import html
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server import PATIENCE, Server, manage, run_main, running

JSON = {"accept": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), MEMORY_LIMIT="600M") as server:
        manage(server.data_dir, "createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.com",
               DJANGO_SUPERUSER_PASSWORD="correct horse")  # fmt: skip
        server.client.get("/accounts/login/")
        server.client.headers.update({"x-csrftoken": server.client.cookies["csrftoken"], "referer": server.url})
        signed_in = server.client.post("/accounts/login/", data={"username": "ada", "password": "correct horse"})
        assert signed_in.status_code == 302, signed_in.text
        server.client.headers["x-csrftoken"] = server.client.cookies["csrftoken"]
        yield server


class Feed:
    """What the page hears."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines

    def next(self) -> Any:
        return json.loads(next(line for line in self.lines if line.startswith("data: "))[6:])

    def until(self, condition: Any) -> Any:
        for _ in range(PATIENCE):
            if condition(state := self.next()):
                return state
        raise AssertionError(state)


@contextlib.contextmanager
def listening(server: Server, path: str, attribute: str) -> Iterator[Feed]:
    """To the address that a page has in one of its attributes."""
    page = server.client.get(path)
    found = re.search(rf'data-{attribute}="([^"]+)"', page.text)
    assert found, page.text
    address = f"{server.url}{html.unescape(found[1])}"
    with httpx.stream("GET", address, timeout=PATIENCE) as answer:  # without a cookie: the signature is enough
        assert answer.status_code == 200
        yield Feed(answer.iter_lines())


def interpreter(state: dict[str, Any], name: str) -> dict[str, Any]:
    """The one that serves, or the last."""
    found = [each for each in state["interpreters"] if each["name"] == name]
    return max(found, key=lambda each: each["generation"], default={})


def said(server: Server, address: str, **data: Any) -> str:
    answer = server.client.post(address, data=data, headers=JSON)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["said"])


@pytest.mark.parametrize("name", ["default-1", "web-1"])
def test_a_killed_interpreter_is_seen_to_come_back(server: Server, name: str) -> None:
    with listening(server, "/ops/", "feed") as feed:
        before = feed.until(lambda state: interpreter(state, name).get("state") == "ready")
        assert said(server, "/ops/faults/kill/", interpreter=name) == f"{name} dies."
        after = feed.until(
            lambda state: (
                interpreter(state, name).get("state") == "ready"
                and interpreter(state, name)["starts"] > interpreter(before, name)["starts"]
            )
        )

    server.wait_for("interpreter_died", interpreter=name)
    assert interpreter(after, name)["age"] < interpreter(before, name)["age"] + 1
    assert [each["name"] for each in after["queues"]] == ["critical", "default", "exports", "images"]
    assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3


def test_an_interpreter_is_recycled(server: Server) -> None:
    with listening(server, "/ops/", "feed") as feed:
        before = interpreter(feed.next(), "critical-1")
        assert "its successor starts" in said(server, "/ops/interpreters/critical-1/recycle/")
        feed.until(lambda state: interpreter(state, "critical-1")["generation"] == before["generation"] + 1)
    assert server.wait_for("interpreter_recycled", interpreter="critical-1")["reason"] == "asked for"
    assert "is not there" in said(server, "/ops/interpreters/critical-9/recycle/")


def test_a_task_is_seen_with_its_stack_and_its_profile(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = server.enqueue("hear_from", listener.getsockname()[1], queue_name="critical")
        with listener.accept()[0] as peer:
            with listening(server, "/ops/", "feed") as feed:
                state = feed.until(lambda state: interpreter(state, "critical-1").get("work"))
            (work,) = interpreter(state, "critical-1")["work"]
            names = server.client.get("/ops/names/", params={"id": work["task"]}).json()
            stack = server.client.get(f"/ops/tasks/{task}/stack/").text
            with listening(server, f"/ops/tasks/{task}/", "profile") as feed:
                shown = run_main(server.data_dir, "status").stdout
                peer.send(b"x")  # the profile ends with the task
                profile = feed.next()

    assert (work["task"], work["progress"]) == (task.replace("-", ""), None)
    assert names == {work["task"]: "tests.site.tasks.hear_from"}
    assert "in hear_from\n    return peer.recv(1).decode()" in stack
    assert "hear_from (tests/site/tasks.py)" in profile
    assert re.search(rf"^critical-1 .* busy .* {work['task']} ", shown, re.MULTILINE), shown
    assert "\x1b" not in shown


def test_a_paused_queue_is_seen(server: Server) -> None:
    with listening(server, "/ops/", "feed") as feed:
        for verb, is_paused in (("pause", True), ("resume", False)):
            said(server, f"/ops/queues/images/{verb}/")
            feed.until(lambda state: state["queues"][-1]["paused"] is is_paused)  # noqa: B023


def test_held_gils_and_hogs_are_survived(server: Server) -> None:
    """Both faults that cost something, and the state that shows them."""
    said(server, "/ops/faults/gil/")
    assert server.wait_for("interpreter_abandoned")["interpreter"] == "exports-1"
    said(server, "/ops/faults/memory/")  # on a quick machine it meets the wall before the guard has looked
    server.wait_until(lambda: "builtins.MemoryError" in server.client.get("/ops/").text)
    failures = server.client.get("/ops/").text

    assert "builtins.MemoryError" in failures
    assert "tasks.errors.TaskTimeout" in failures
    assert server.client.get("/ops/history/").json()["requests"] is not None


def test_who_writes_waits_for_a_locked_database(server: Server) -> None:
    said(server, "/ops/faults/lock/")
    with listening(server, "/ops/", "feed") as feed:
        feed.until(lambda state: any(each["task"] for each in interpreter(state, "exports-1").get("work", [])))
    task = server.enqueue("add", 1, 2)

    assert server.wait_for_task(task)["result"] == 3


def test_the_state_is_for_who_has_a_signed_address(server: Server) -> None:
    assert httpx.get(f"{server.url}/live/ops/").status_code == 403
    assert httpx.get(f"{server.url}/ops/", follow_redirects=False).status_code == 302


def test_production_has_no_faults(tmp_path: Path) -> None:
    code = "from django.urls import resolve; print(resolve('/ops/').view_name); resolve('/ops/faults/gil/')"
    with pytest.raises(Exception, match="non-zero exit status 1"):
        manage(tmp_path, "shell", "-v", "0", "-c", code, DEBUG="")
