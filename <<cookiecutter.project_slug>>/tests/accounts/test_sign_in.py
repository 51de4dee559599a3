"""Signing in and out, and a forgotten password, page by page."""

import re

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db

OLD, NEW = "the old password", "a new password"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", "ada@example.com", OLD)


def test_signing_in_leads_where_one_wanted_to_go(client: Client, ada: User) -> None:
    page = client.get("/accounts/login/?next=/media/x").content.decode()
    assert 'name="next" value="/media/x"' in page
    response = client.post("/accounts/login/", {"username": "ada", "password": OLD, "next": "/media/x"})
    assert (response.status_code, response["Location"]) == (302, "/media/x")
    assert get_user(client) == ada


def test_not_to_another_site(client: Client, ada: User) -> None:
    response = client.post(
        "/accounts/login/", {"username": "ada", "password": OLD, "next": "https://elsewhere.example"}
    )
    assert response["Location"] == "/"


def test_a_wrong_password(client: Client, ada: User) -> None:
    response = client.post("/accounts/login/", {"username": "ada", "password": NEW})
    assert 'class="errorlist' in response.content.decode()
    assert not get_user(client).is_authenticated


def test_signing_out(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert not get_user(client).is_authenticated


def test_a_forgotten_password(client: Client, ada: User, mailoutbox: list[object], settings: Settings) -> None:
    assert 'name="email"' in client.get("/accounts/password/").content.decode()
    response = client.post("/accounts/password/", {"email": "ada@example.com"}, follow=True)
    assert "Look into your mail" in response.content.decode()
    (mail,) = mailoutbox
    assert mail.subject == "Your password at testserver"  # type: ignore[attr-defined]
    assert mail.to == ["ada@example.com"]  # type: ignore[attr-defined]
    link = re.search(r"http://testserver(/\S+)", mail.body)  # type: ignore[attr-defined]
    assert link is not None

    page = client.get(link[1], follow=True)
    assert "Set a new password" in page.content.decode()
    done = client.post(page.redirect_chain[-1][0], {"new_password1": NEW, "new_password2": NEW}, follow=True)
    assert "Your password is set" in done.content.decode()
    ada.refresh_from_db()
    assert ada.check_password(NEW)

    assert "no longer good" in client.get(link[1], follow=True).content.decode()


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client: Client, mailoutbox: list[object]) -> None:
    response = client.post("/accounts/password/", {"email": "nobody@example.com"}, follow=True)
    assert "Look into your mail" in response.content.decode()
    assert mailoutbox == []
