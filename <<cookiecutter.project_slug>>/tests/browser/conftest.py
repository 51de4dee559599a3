"""A browser for the tests of this folder: the system's Chromium, driven by Playwright.

One server and one browser for this folder, and no longer: while Playwright runs, its thread has an event loop, and no
test beside it could have another.
"""

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.server import PATIENCE, Server, running

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
ACCOUNT = {"username": "ada", "password": "a long enough secret"}


def find_chromium() -> str:
    """Its path. Without one the tests are skipped; where CI is set, and not empty, they fail."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        text = "There is no Chromium. Install one (Debian, Ubuntu: apt install chromium), or set CHROMIUM to its path."
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """In production, so that all of it is seen: the sign-in, static files with their hashes, every header."""
    with running(tmp_path_factory.mktemp("data"), DEBUG="0", EMAIL_URL="consolemail://") as server:
        yield server


@pytest.fixture(scope="package")
def first_account_link(server: Server) -> str:
    found = re.search(r"Make the first one at ([^\s\"]+)", server.text)
    assert found, server.text
    return found[1]


def fill_in(page: Page, password: str, again: str) -> None:
    page.get_by_label("Username").fill(ACCOUNT["username"])
    page.get_by_label("Password:", exact=True).fill(password)
    page.get_by_label("Password confirmation").fill(again)
    page.get_by_role("button", name="Create the account").click()


def sign_in(page: Page, password: str = ACCOUNT["password"]) -> None:
    """From the sign-in page on, into a session without tasks."""
    page.get_by_label("Username").fill(ACCOUNT["username"])
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


@pytest.fixture(scope="package")
def signed_in(browser: Browser, server: Server, first_account_link: str) -> Any:
    """Cookies of who has made the first account, through its page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(first_account_link)
    fill_in(page, ACCOUNT["password"], ACCOUNT["password"])
    page.get_by_role("button", name="Sign out").wait_for()
    state = context.storage_state()
    context.close()
    return state


class Watch:
    """What a page must not do: write errors to the console, ask other hosts."""

    def __init__(self, host: str) -> None:
        self.host, self.errors, self.requests = host, list[str](), list[Request]()
        self.expected = ""  # in an error that the test brings about

    def attach(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (self.expected and self.expected in message.text):
            self.errors.append(message.text)

    def asked_for(self, path: str) -> int:
        return sum(urlsplit(request.url).path == path for request in self.requests)

    @property
    def elsewhere(self) -> list[str]:
        hosts = ((request.url, urlsplit(request.url)) for request in self.requests)
        return [url for url, parts in hosts if parts.scheme != "data" and parts.netloc != self.host]


@pytest.fixture
def watch(server: Server) -> Iterator[Watch]:
    watch = Watch(urlsplit(server.url).netloc)
    yield watch
    assert (watch.errors, watch.elsewhere) == ([], [])


@pytest.fixture
def page(browser: Browser, server: Server, signed_in: Any, watch: Watch) -> Iterator[Page]:
    """A tab of who is signed in."""
    context = browser.new_context(base_url=server.url, storage_state=signed_in)
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    watch.attach(page)
    yield page
    context.close()
