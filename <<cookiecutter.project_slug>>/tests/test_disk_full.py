"""The disk of DATA_DIR is full, or takes nothing at all: at the start, and while the server runs."""

import contextlib
import io
import re
import sqlite3

import pytest
from PIL import Image

from tests.disk import full, refusing, seen_by, small_disk
from tests.server import run_main, running
from tests.site import gates

ROWS = 12_000


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "data"
    with running(folder, within=small_disk(folder, "24m"), SQLITE_TIMEOUT="1") as server:
        yield server


def image(size):
    content = io.BytesIO()
    Image.effect_noise((size, size), 80).convert("RGB").save(content, "JPEG")
    return content.getvalue()


def upload(server, content):
    return server.client.post("/api/images/", files={"file": ("a.jpg", content)})


def export(server):
    return server.client.post("/api/exports/", data={"rows": ROWS}).json()["id"]


def assert_recovered(server):
    """Everything works, without a restart, and nothing was damaged."""
    server.wait_until(lambda: server.client.get("/readyz").status_code == 200)
    accepted = upload(server, image(2000))
    assert accepted.status_code == 202, accepted.text
    assert server.wait_for_task(accepted.json()["id"])["status"] == "SUCCESSFUL"
    assert server.wait_for_task(server.enqueue("add", 1, 2))["result"] == 3
    assert server.count("interpreter_died") == 0
    path = seen_by(server, server.data_dir / "db.sqlite3")
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def results(server, kind):
    """The names of all files that could be served."""
    return sorted(path.name for path in seen_by(server, server.data_dir / "media" / kind).glob("*/*.*"))


@pytest.mark.parametrize("size", [200, 2000], ids=["in memory", "by way of a file"])
def test_an_upload_is_refused_with_a_reason(server, size):
    content = image(size)
    with full(server):
        refused = upload(server, content)
        assert (refused.status_code, refused.json()["error"]["type"]) == (507, "StorageFull")
        assert "No space left on device" in refused.json()["error"]["message"]
        assert server.client.get("/readyz").text == "DATA_DIR: No space left on device\n"
        assert server.client.get("/").status_code == 200
        assert list(seen_by(server, server.data_dir / "media" / "uploads").glob("*")) == []
    assert_recovered(server)


def test_an_export_that_does_not_fit_says_so_and_goes_on_when_it_is_retried(server):
    whole = server.wait_for_task(export(server))["result"]
    with full(server, room=whole["bytes"] // 2):
        task = export(server)
        server.wait_for_text(task)
    state = server.wait_for_task(task)

    assert (state["status"], state["error"]["type"], state["attempts"]) == ("FAILED", "samples.errors.StorageFull", 1)
    assert "No space left on device. Make room on the server, then retry" in state["error"]["message"]
    assert results(server, "exports") == ["orders.csv", "orders.partial"]
    server.client.post(f"/api/tasks/{task}/retry/")
    again = server.wait_for_task(task, "SUCCESSFUL")["result"]
    assert (again["rows"], again["bytes"]) == (whole["rows"], whole["bytes"])
    assert server.client.get(again["url"]).content == server.client.get(whole["url"]).content
    assert_recovered(server)


def test_half_an_image_is_not_served(server, tmp_path):
    gate = gates.make(tmp_path, "gate")
    server.enqueue("wait_at", str(gate), queue_name="images")
    gates.wait_for_arrival(gate)
    task = upload(server, image(2000)).json()["id"]
    with full(server, room=300_000):
        gates.open_gate(gate)
        server.wait_for_text(task)
    state = server.wait_for_task(task)

    assert (state["status"], state["error"]["type"], state["attempts"]) == ("FAILED", "samples.errors.StorageFull", 1)
    assert results(server, "images") == []
    server.client.post(f"/api/tasks/{task}/retry/")
    variants = server.wait_for_task(task, "SUCCESSFUL")["result"]["variants"]
    assert [len(server.client.get(variant["url"]).content) for variant in variants] == [v["bytes"] for v in variants]
    assert_recovered(server)


def test_what_takes_nothing_at_all_is_survived_as_well(tmp_path):
    with running(tmp_path) as server:
        task = server.enqueue("add", 1, 2, delay=1)
        with refusing(server):
            refused = upload(server, image(200))
            assert (refused.status_code, refused.json()["error"]["type"]) == (507, "StorageFull")
            assert server.client.get("/readyz").text == "DATA_DIR: File too large\n"
            server.wait_for_text("the database does not answer the housekeeper")
        assert server.wait_for_task(task)["result"] == 3
        assert_recovered(server)


@pytest.mark.parametrize(
    ("size", "options", "reason"),
    [
        ("1m", "ro", "a folder that can be written to"),
        ("4k", "rw", "No space left on device|disk is full"),
        ("64k", "rw", "disk is full"),
    ],
    ids=["read-only", "full", "nearly full"],
)
@pytest.mark.parametrize("key", ["", "0123456789abcdef" * 4], ids=["without a key", "with a key"])
def test_a_start_without_a_place_to_write_to_is_one_line(tmp_path, size, options, reason, key):
    folder = tmp_path / "data"
    within = small_disk(folder, size, options)
    result = run_main(folder, "--port", "0", within=within, DEBUG="0", SECRET_KEY=key, LOG_FORMAT="text")
    errors = [line for line in result.stderr.splitlines() if " INFO " not in line]

    assert result.returncode == 1
    assert len(errors) == 1, result.stderr
    assert re.search(reason, errors[0])
