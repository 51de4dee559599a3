"""How the samples page looks (looks.py), empty and full."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch, sign_in
from tests.browser.files import damaged_picture, document, picture
from tests.browser.looks import look
from tests.server import PATIENCE

CANCEL = """id => fetch(`/api/tasks/${id}/cancel/`, {
  method: "POST", headers: { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value }
})"""


def test_the_samples(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/")
    sign_in(page)
    expect(page.locator(".tasks:not(:has(li)) + .empty")).to_be_visible()
    look(page, "samples-empty")
    page.get_by_label("choose files").set_input_files([damaged_picture(), document(), picture()])  # type: ignore[list-item]
    for ended in ("Failed", "Done"):
        page.locator(".status", has_text=ended).first.wait_for()
    expect(page.locator(".status", has_text="Done")).to_have_count(2, timeout=PATIENCE * 1000)
    page.get_by_label("Or export demo orders").fill("200000")
    page.get_by_role("button", name="Export").click()
    page.locator(".progress", has_text="left").wait_for()
    look(page, "samples")
    page.evaluate(CANCEL, page.locator(".task", has_text="200,000 orders").get_attribute("id").removeprefix("task-"))


def test_a_refusal(page: Page, watch: Watch) -> None:
    watch.expected = "status of 400"
    page.goto("/")
    page.evaluate("document.querySelector('#rows').removeAttribute('max')")
    page.get_by_label("Or export demo orders").fill("999999999")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("alert")).to_be_focused()
    look(page, "samples-refusal")
