"""The first account is made once, by whoever has the link."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts import first
from accounts.first import AccountExists, FirstAccountForm, first_account_path

pytestmark = pytest.mark.django_db

FORM = {"username": "ada", "email": "", "password1": "a long enough secret", "password2": "a long enough secret"}


@pytest.fixture
def link() -> str:
    path = first_account_path()
    assert path is not None
    return path


def test_the_link_makes_a_superuser_and_signs_them_in(client: Client, link: str) -> None:
    assert 'name="password1"' in client.get(link).content.decode()
    response = client.post(link, FORM)
    assert (response.status_code, response["Location"]) == (302, "/")
    user = User.objects.get()
    assert (user.username, user.is_staff, user.is_superuser, user.is_active) == ("ada", True, True, True)
    assert user.check_password(FORM["password1"])
    assert get_user(client) == user


def test_the_address_is_kept_for_password_resets(client: Client, link: str) -> None:
    client.post(link, FORM | {"email": "ada@example.com"})
    assert User.objects.get().email == "ada@example.com"


def test_it_is_good_once(client: Client, link: str) -> None:
    client.post(link, FORM)
    stranger = Client()
    assert stranger.get(link).status_code == 410
    assert stranger.post(link, FORM | {"username": "eve"}).status_code == 410
    assert User.objects.count() == 1
    assert first_account_path() is None


def test_any_account_closes_it(client: Client, link: str) -> None:
    User.objects.create_user("somebody")
    assert client.get(link).status_code == 410
    assert first_account_path() is None


def test_two_at_once_make_one(client: Client, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other request saves its account after this one has looked and before it saves."""

    def other_request() -> None:
        User.objects.create_superuser("other")

    monkeypatch.setattr(first, "_one_at_a_time", other_request)
    assert client.post(link, FORM).status_code == 410
    assert not User.objects.filter(username="ada").exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one(link: str) -> None:
    ready = Barrier(6)

    def post(number: int) -> int:
        ready.wait()
        try:
            return Client().post(link, FORM | {"username": f"user{number}"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(post, range(6))) == [302] + [410] * 5
    assert User.objects.count() == 1


def test_the_form_refuses_a_second_account() -> None:
    User.objects.create_user("somebody")
    form = FirstAccountForm(FORM)
    assert form.is_valid()
    with pytest.raises(AccountExists):
        form.save()


@pytest.mark.parametrize(
    "wrong", [{"username": ""}, {"username": "a b"}, {"password2": "another"}, {"password1": "123", "password2": "123"}]
)
def test_a_form_with_mistakes_is_shown_again(client: Client, link: str, wrong: dict[str, Any]) -> None:
    response = client.post(link, FORM | wrong)
    assert response.status_code == 200
    assert 'class="errorlist"' in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("token", ["x", "0" * 64])
def test_a_wrong_token_is_not_found(client: Client, token: str) -> None:
    for response in (client.get(f"/accounts/first/{token}/"), client.post(f"/accounts/first/{token}/", FORM)):
        assert response.status_code == 404
    assert not User.objects.exists()


def test_the_link_follows_from_the_secret_key(link: str, settings: Settings) -> None:
    assert first_account_path() == link
    settings.SECRET_KEY = "another"
    assert first_account_path() != link


def test_the_page_is_kept_by_no_cache(client: Client, link: str) -> None:
    assert "no-store" in client.get(link)["Cache-Control"]


def test_a_csrf_token_is_needed(link: str) -> None:
    assert Client(enforce_csrf_checks=True).post(link, FORM).status_code == 403
