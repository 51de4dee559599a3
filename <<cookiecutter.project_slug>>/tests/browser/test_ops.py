"""The operations page, as staff see it."""

import re
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.files import damaged_picture, document, picture
from tests.browser.looks import look
from tests.server import PATIENCE, Server

expect.set_options(timeout=PATIENCE * 1000)


def row(page: Page, table: str, name: str) -> Locator:
    return page.locator(f"#{table} tr").filter(has=page.get_by_text(name, exact=True))


def cell(page: Page, table: str, name: str, field: str) -> Locator:
    return row(page, table, name).locator(f"[data-field={field}]").first


@pytest.fixture
def running(server: Server) -> Iterator[str]:
    """A task that runs until the test is over; its id."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = server.enqueue("hear_from", listener.getsockname()[1])
        with listener.accept()[0] as peer:
            yield task
            peer.send(b"x")


def test_a_killed_interpreter_is_seen_to_come_back(page: Page, server: Server) -> None:
    page.goto("/ops/")
    expect(cell(page, "interpreters", "critical-1", "state")).to_have_text("ready")
    starts = int(cell(page, "interpreters", "critical-1", "starts").inner_text())
    server.enqueue("break_the_worker", queue_name="critical")
    server.enqueue("add", 1, 2, queue_name="critical")
    expect(cell(page, "interpreters", "critical-1", "starts")).to_have_text(f"{starts + 1}")
    expect(cell(page, "interpreters", "critical-1", "state")).to_have_text("ready")


def test_what_runs_is_named_and_can_be_looked_at(page: Page, running: str) -> None:
    page.goto("/ops/")
    page.locator("#interpreters").get_by_role("link", name="hear_from").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("tests.site.tasks.hear_from")
    page.get_by_role("button", name="Look at its stack").click()
    expect(page.locator("#stack")).to_contain_text("in hear_from")
    page.get_by_role("button", name="Profile it for five seconds").click()
    expect(page.locator("#flames")).to_contain_text("hear_from (tests/site/tasks.py)")
    expect(page.locator("#flames")).to_contain_text(re.compile(r"\d+ samples"))


def test_buttons_act_and_the_page_follows(page: Page, server: Server) -> None:
    page.goto("/ops/")
    page.get_by_role("button", name="Pause images").click()
    expect(page.get_by_role("status")).to_have_text("The queue images is paused.")
    expect(cell(page, "queues", "images", "state")).to_have_text("paused")
    page.get_by_role("button", name="Resume images").click()
    expect(cell(page, "queues", "images", "state")).to_have_text("open")
    starts = int(cell(page, "interpreters", "web-2", "starts").inner_text())
    page.get_by_role("button", name="Recycle web-2").click()
    expect(cell(page, "interpreters", "web-2", "starts")).to_have_text(f"{starts + 1}")


def test_failures_come_to_the_page_and_are_run_again_in_bulk(page: Page, server: Server) -> None:
    page.goto("/ops/")
    listed = page.locator("#tasks li").filter(has_text="SystemExit")
    expect(cell(page, "interpreters", "web-1", "state")).to_have_text("ready")
    for _ in range(2):
        server.enqueue("raise_error", "SystemExit")
    expect(listed).to_have_count(2)
    listed.first.locator("summary").click()
    expect(listed.first.locator("pre")).to_contain_text("Traceback")
    listed.first.locator("summary").click()
    page.get_by_role("button", name="Pause default").click()
    for box in listed.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Run the selected again").click()
    expect(page.get_by_role("status")).to_have_text("2 of 2 put back into the queue.")
    expect(listed).to_have_count(0)
    page.get_by_role("link", name="Ready").click()
    expect(page.locator("#tasks li")).to_have_count(2)
    page.get_by_label("All shown").check()
    page.get_by_role("button", name="Cancel the selected").click()
    expect(page.get_by_role("status")).to_have_text("2 of 2 cancelled.")
    page.get_by_role("button", name="Resume default").click()
    expect(cell(page, "queues", "default", "state")).to_have_text("open")


def test_how_it_looks(page: Page) -> None:
    page.goto("/")
    page.get_by_label("choose files").set_input_files([damaged_picture(), document(), picture()])  # type: ignore[list-item]
    for ended in ("Failed", "Done"):
        page.locator(".status", has_text=ended).first.wait_for()
    page.get_by_label("Or export demo orders").fill("200000")
    page.get_by_role("button", name="Export").click()
    page.locator(".progress", has_text="left").wait_for()
    page.goto("/ops/")
    export = page.locator("#interpreters").get_by_role("link", name="export_orders")
    export.wait_for()
    page.locator(".charts svg").first.wait_for()
    look(page, "ops")
    failed = page.locator("#tasks li").first.get_by_role("link")
    address = failed.get_attribute("href") or ""
    export.click()
    page.get_by_role("button", name="Profile it for five seconds").click()
    page.locator("#flames svg").first.wait_for()
    look(page, "ops-task")
    with page.expect_navigation():  # the page is loaded again, to show what came of it
        page.get_by_role("button", name="Cancel").click()
    page.goto(address)
    look(page, "ops-failed")
