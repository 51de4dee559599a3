"""Open pages hear of their tasks from main: no web thread, no query."""

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from runtime.http.live import signature
from runtime.observe.live_tasks import ASK_EVERY
from tasks.live import derived_key
from tests.server import PATIENCE, Server, running
from tests.site import gates

SECRET_KEY = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(
        tmp_path_factory.mktemp("data"), WEB_INTERPRETERS="1", WEB_THREADS="1", SECRET_KEY=SECRET_KEY
    ) as server:
        yield server


def address(server: Server, *tasks: str) -> str:
    """As a web interpreter of this server would sign it."""
    path, until = f"/live/tasks/{','.join(tasks)}", int(time.time()) + 60
    return f"{path}?until={until}&signature={signature(derived_key(SECRET_KEY), path, until)}"


@contextlib.contextmanager
def listening(server: Server, *tasks: str) -> Iterator[Iterator[dict]]:
    """The events of a page that shows these tasks."""
    client = httpx.Client(base_url=server.url, timeout=PATIENCE)
    with client, client.stream("GET", address(server, *tasks)) as answer:
        assert answer.status_code == 200, answer.read()
        yield (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: "))


def test_a_page_hears_when_its_task_begins_and_ends(server, tmp_path):
    gate = gates.make(tmp_path, "gate")
    task = server.enqueue("wait_at", str(gate))
    gates.wait_for_arrival(gate)
    with listening(server, task) as events:
        assert next(events) == {"running": {}, "changed": [task]}
        assert next(events) == {"running": {task: [0, 0]}, "changed": []}
        gates.open_gate(gate)
        assert next(events) == {"running": {}, "changed": [task]}
    assert server.wait_for_task(task)["status"] == "SUCCESSFUL"


def test_more_pages_than_web_threads_hear_of_a_task_that_is_too_quick_to_be_seen(server, tmp_path):
    gate = gates.make(tmp_path, "gate")
    holder = server.enqueue("wait_at", str(gate), queue_name="critical")
    task = server.enqueue("add", 1, 2, queue_name="critical")
    gates.wait_for_arrival(gate)
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(listening(server, task)) for _ in range(20)]
        assert [next(page)["changed"] for page in pages] == [[task]] * 20
        assert server.metric("web_live_pages") == 20
        gates.open_gate(gate)
        opened = time.monotonic()
        for page in pages:
            while task not in next(page)["changed"]:
                pass
        assert time.monotonic() - opened < ASK_EVERY / 2  # when they would have looked in any case
    assert server.wait_for_task(holder)["status"] == "SUCCESSFUL"


def test_only_signed_addresses_are_served(server):
    good = urlsplit(address(server, "01890000-0000-7000-8000-000000000000"))
    for path in (good.path, f"{good.path}1?{good.query}", f"/live/other?{good.query}"):
        answer = server.client.get(path)
        assert answer.status_code == 403
        assert set(answer.json()["error"]) == {"type", "message"}


def test_a_stop_waits_for_no_page(server):
    with listening(server, "01890000-0000-7000-8000-000000000000") as events:
        next(events)
        server.send(signal.SIGTERM)
        assert list(events) == []
    assert server.wait_exit() == 0
    assert server.wait_for("stopped")["requests_left"] is False
