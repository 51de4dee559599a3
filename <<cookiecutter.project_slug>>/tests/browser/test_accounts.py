"""The first account, signing in and out, forgotten passwords. Runs first in this folder: the account is made once."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ACCOUNT, Watch, fill_in, sign_in
from tests.browser.looks import look
from tests.server import Server


def test_the_first_account(browser: Browser, server: Server, first_account_link: str, watch: Watch) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        watch.attach(page)
        page.goto(first_account_link)
        fill_in(page, ACCOUNT["password"], "something else")
        expect(page.locator(".errorlist")).to_be_visible()
        look(page, "first-account")


def test_the_link_makes_one_account(page: Page, first_account_link: str, watch: Watch) -> None:
    watch.expected = "status of 410"
    page.goto(first_account_link)
    expect(page.get_by_role("heading", level=1)).to_have_text("The first account exists")
    look(page, "first-account-exists")


def test_signing_in_and_out(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/")
    sign_in(page, "a wrong one")
    expect(page.locator(".errorlist")).to_be_visible()
    sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Give this server some work")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


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
def test_its_look(page: Page, watch: Watch, path: str, heading: str) -> None:
    watch.expected = "status of 404" if path == "/nowhere/" else ""
    page.context.clear_cookies()
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    look(page, heading.lower().replace(" ", "-"))
