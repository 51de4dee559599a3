"""How the pages look: nothing that axe-core finds, nothing too wide, in light and dark, on a phone and on a desk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.files import damaged_picture, document, picture
from tests.server import PATIENCE

WIDTHS = {"phone": 390, "desk": 1440}
SCHEMES = ("light", "dark")
CANCEL = """id => fetch(`/api/tasks/${id}/cancel/`, {
  method: "POST", headers: { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value }
})"""

type Look = Callable[[Page, str], None]


@pytest.fixture
def look(pictures: Path | None) -> Look:
    """Look at a page in every way."""

    def look(page: Page, name: str) -> None:
        for size, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                found = Axe().run(page)
                assert not found.violations_count, f"{name}, {size}, {scheme}: {found.generate_report()}"
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}, {size}"
                if pictures:
                    page.screenshot(path=pictures / f"{name}-{size}-{scheme}.png", full_page=True)

    return look


def test_the_samples(page: Page, look: Look) -> None:
    page.goto("/")
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


def test_a_refusal(page: Page, look: Look, watch: Watch) -> None:
    watch.expected = "status of 400"
    page.goto("/")
    page.evaluate("document.querySelector('#rows').removeAttribute('max')")
    page.get_by_label("Or export demo orders").fill("999999999")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("alert")).to_be_focused()
    look(page, "samples-refusal")


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/accounts/login/", "Sign in"),
        ("/accounts/password/", "Reset your password"),
        ("/accounts/password/sent/", "Look into your mail"),
        ("/accounts/password/changed/", "Your password is set"),
        ("/accounts/password/x/y/", "This link is no longer good"),
        ("/nowhere/", "There is nothing here"),
    ],
)
def test_accounts(page: Page, look: Look, path: str, heading: str) -> None:
    page.context.clear_cookies()
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    look(page, heading.lower().replace(" ", "-"))
