"""The samples page, as somebody sees it who uses it."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Watch
from tests.browser.files import File, damaged_picture, document, picture
from tests.server import PATIENCE, Server

expect.set_options(timeout=PATIENCE * 1000)

DROP = """(zone, files) => {
  const dataTransfer = new DataTransfer();
  for (const { name, mimeType, content } of files) {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name, { type: mimeType }));
  }
  for (const kind of ["dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
  }
}"""


def drop(page: Page, *files: File) -> None:
    given = [file | {"content": base64.b64encode(file["buffer"]).decode(), "buffer": None} for file in files]
    page.locator("#files").evaluate(DROP, given)


def card(page: Page, title: str) -> Locator:
    return page.locator("li.task").filter(has=page.get_by_role("heading", name=title, exact=True))


def status(page: Page, title: str) -> Locator:
    return card(page, title).locator(".status")


def is_shown(image: Locator) -> bool:
    return bool(image.evaluate("image => image.complete && image.naturalWidth > 0"))


def test_files_that_are_dropped_are_worked_on(page: Page) -> None:
    page.goto("/")
    drop(page, picture("dropped.jpg"), document("dropped.pdf", pages=3))
    expect(status(page, "dropped.jpg")).to_have_text("Done")
    expect(status(page, "dropped.pdf")).to_have_text("Done")

    expect(card(page, "dropped.jpg")).to_contain_text("JPEG, 1200 × 900 pixels")
    image = card(page, "dropped.jpg").get_by_role("img", name="Small version of dropped.jpg")
    image.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete", arg=image.element_handle())
    assert is_shown(image)
    expect(card(page, "dropped.pdf")).to_contain_text("3 pages")
    with page.expect_download() as download:
        card(page, "dropped.pdf").get_by_role("link", name="Text of all pages").click()
    assert "This is page 3." in Path(download.value.path()).read_text()


def test_files_are_chosen_by_button_and_their_upload_is_seen(page: Page) -> None:
    page.goto("/")
    page.route("**/files/", lambda route: None)  # it hangs
    with page.expect_file_chooser() as chooser:
        page.get_by_label("choose files").click()
    chooser.value.set_files([picture("first.jpg"), document("second.pdf")])  # type: ignore[list-item]
    for name in ("first.jpg", "second.pdf"):
        expect(status(page, name)).to_have_text("Sending")
        expect(card(page, name).get_by_role("progressbar", name=f"Upload of {name}")).to_be_visible()


RECORD = """title => {
  window.seen = [];
  new MutationObserver(() => {
    const card = [...document.querySelectorAll("li.task")].find((li) => li.querySelector("h3")?.textContent === title);
    const bar = card?.querySelector("progress[aria-label^='Progress of']");
    if (bar?.position >= 0) seen.push([bar.position, card.querySelector(".progress").textContent]);
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


def test_progress_is_seen_moving_and_the_page_asks_for_nothing_meanwhile(page: Page, watch: Watch) -> None:
    page.goto("/")
    page.evaluate(RECORD, "long.pdf")
    drop(page, document("long.pdf", pages=4000, lines=40))
    page.wait_for_function("() => seen.some(([position]) => position > 0.3)")
    asked = watch.asked_for("/")  # as often as the list has changed
    page.wait_for_function("() => seen.some(([position]) => position > 0.6)")
    assert watch.asked_for("/") == asked

    expect(status(page, "long.pdf")).to_have_text("Done")
    expect(card(page, "long.pdf")).to_contain_text("4,000 pages")
    expect(page.get_by_role("status")).to_have_text("long.pdf: Done")
    positions, texts = zip(*page.evaluate("seen"), strict=True)
    assert list(positions) == sorted(positions)
    assert len({position for position in positions if 0 < position < 1}) > 2
    assert any(re.search(r"of 4,000, about \d+ s left", text) for text in texts), texts


def test_a_failure_says_why_and_is_retried(page: Page, server: Server) -> None:
    page.goto("/")
    before = set((server.data_dir / "media/uploads").glob("*"))
    page.get_by_label("choose files").set_input_files([damaged_picture("damaged.png")])  # type: ignore[list-item]
    expect(status(page, "damaged.png")).to_have_text("Failed")
    expect(card(page, "damaged.png").locator(".reason")).not_to_be_empty()

    (uploaded,) = set((server.data_dir / "media/uploads").glob("*")) - before
    uploaded.write_bytes(picture()["buffer"])  # somebody has mended it
    again = card(page, "damaged.png").get_by_role("button", name="Try again with damaged.png")
    again.focus()
    page.keyboard.press("Enter")
    expect(status(page, "damaged.png")).to_have_text("Done")
    expect(card(page, "damaged.png").get_by_role("heading")).to_be_focused()


def test_what_is_refused_is_told_on_its_card(page: Page, watch: Watch) -> None:
    watch.expected = "status of 415"
    page.goto("/")
    drop(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"just text"}, document("taken.pdf"))
    expect(status(page, "notes.txt")).to_have_text("Not taken")
    expect(card(page, "notes.txt")).to_contain_text("The file is of an unknown kind")
    expect(status(page, "taken.pdf")).to_have_text("Done")


@pytest.mark.parametrize(
    ("status_code", "kind", "body"),
    [(413, "application/json", '{"error": {"message": "Too much."}}'), (504, "text/plain", "Too much.")],
)
def test_what_the_server_answers_without_django_is_told_too(
    page: Page, watch: Watch, status_code: int, kind: str, body: str
) -> None:
    watch.expected = f"status of {status_code}"
    page.goto("/")
    page.route("**/files/", lambda route: route.fulfill(status=status_code, content_type=kind, body=body))
    drop(page, document("refused.pdf"))
    expect(status(page, "refused.pdf")).to_have_text("Not sent")
    expect(card(page, "refused.pdf").locator(".reason")).to_have_text("Too much.")


def test_an_upload_without_a_server_is_kept_and_sent_again(page: Page, watch: Watch) -> None:
    watch.expected = "ERR_INTERNET_DISCONNECTED"
    page.goto("/")
    page.context.set_offline(True)
    drop(page, document("later.pdf"))
    expect(status(page, "later.pdf")).to_have_text("Not sent")
    expect(card(page, "later.pdf")).to_contain_text("The server cannot be reached.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again with later.pdf").click()
    expect(status(page, "later.pdf")).to_have_text("Done")


def test_a_page_that_is_loaded_again_hears_of_what_it_shows(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Or export demo orders").fill("15000")
    page.get_by_role("button", name="Export").click()
    status(page, "15,000 orders").wait_for()
    page.reload()
    expect(status(page, "15,000 orders")).to_have_text("Done")


def test_without_events_the_page_asks_now_and_then(page: Page, watch: Watch) -> None:
    watch.expected = "EventSource"
    page.clock.install()
    page.route("**/live/**", lambda route: route.fulfill(status=503, body="full"))
    page.goto("/")
    watch.expected = "status of 503"
    page.get_by_role("button", name="Export").click()
    for _ in range(PATIENCE):
        page.clock.run_for(5000)
        if status(page, "10,000 orders").inner_text() == "Done":
            break
    expect(status(page, "10,000 orders")).to_have_text("Done")


def test_it_works_without_javascript(browser: Browser, server: Server, signed_in: Any, watch: Watch) -> None:
    context = browser.new_context(base_url=server.url, storage_state=signed_in, java_script_enabled=False)
    page = context.new_page()
    watch.attach(page)
    page.goto("/")
    files = [picture("plain.jpg"), document("plain.pdf"), damaged_picture("plain.png")]
    page.get_by_label("Images and PDFs").set_input_files(files)  # type: ignore[arg-type]
    page.get_by_role("button", name="Start").click()
    for name, end in (("plain.jpg", "Done"), ("plain.pdf", "Done"), ("plain.png", "Failed")):
        expect(status(page, name)).to_have_text(end)  # the page asks for itself every three seconds
    assert is_shown(card(page, "plain.jpg").get_by_role("img"))
    page.get_by_role("button", name="Try again with plain.png").click()
    expect(card(page, "plain.png")).to_have_attribute("data-state", "FAILED 2")
    context.close()


def test_everything_is_reached_with_the_keyboard(page: Page) -> None:
    page.goto("/")
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
    assert reached == [
        "Skip to the content",
        page.locator(".brand").inner_text(),
        "Operations",
        "Admin",
        "Sign out",
        "file",
        "rows",
        "Export",
    ]
    page.get_by_label("Or export demo orders").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("12000")
    page.keyboard.press("Enter")
    expect(status(page, "12,000 orders")).to_have_text("Done")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_file_chooser_opens_with_the_keyboard(page: Page, key: str) -> None:
    page.on("filechooser", lambda chooser: None)  # from here on Playwright takes them: it does not wait until it does
    page.goto("/")
    page.get_by_label("choose files").focus()
    with page.expect_file_chooser():
        page.keyboard.press(key)
