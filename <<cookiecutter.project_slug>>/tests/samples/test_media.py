"""Results are served with a type of our choice, and nothing else is served at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

HOSTILE = b"<script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
CONTENT = {
    "image/jpeg": b"\xff\xd8\xff\xe0" + HOSTILE,
    "image/png": b"\x89PNG\r\n\x1a\n" + HOSTILE,
    "image/webp": b"RIFF\0\0\0\0WEBP" + HOSTILE,
    "image/avif": b"\0\0\0\x14ftypavif\0\0\0\0avif" + HOSTILE,
    "text/plain; charset=utf-8": HOSTILE,
    "text/csv; charset=utf-8": HOSTILE,
}
FOLDER = "images/0d4cc1a4-7c1e-4f55-9a1b-5f0f3a3f1d2e"


@pytest.fixture
def put(media: Path) -> Callable[..., None]:
    def write(name: str, content: bytes = HOSTILE) -> None:
        path = media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return write


@pytest.fixture
def debug(settings: Settings) -> None:
    settings.DEBUG = True


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize(
    ("name", "content_type", "disposition"),
    [
        ("large.jpg", "image/jpeg", None),
        ("large.png", "image/png", None),
        ("large.webp", "image/webp", None),
        ("large.avif", "image/avif", None),
        ("text.txt", "text/plain; charset=utf-8", 'attachment; filename="text.txt"'),
        ("orders.csv", "text/csv; charset=utf-8", 'attachment; filename="orders.csv"'),
    ],
)
def test_results(
    client: Client, put: Callable[..., None], name: str, content_type: str, disposition: str | None
) -> None:
    put(f"{FOLDER}/{name}", CONTENT[content_type])
    response = client.get(f"/media/{FOLDER}/{name}")
    assert response.status_code == 200
    assert response.getvalue() == CONTENT[content_type]
    assert response["Content-Type"] == content_type
    assert response.get("Content-Disposition") in {disposition, f'inline; filename="{name}"'}
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


@pytest.mark.usefixtures("debug")
def test_an_image_is_sent_as_what_it_is(client: Client, put: Callable[..., None]) -> None:
    put(f"{FOLDER}/large.jpg", CONTENT["image/png"])
    response = client.get(f"/media/{FOLDER}/large.jpg")
    assert response["Content-Type"] == "image/png"
    assert response.getvalue() == CONTENT["image/png"]


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize("content", [HOSTILE, SVG, b"%PDF-1.7", b"<!doctype html>", b"", b"GIF89a"])
@pytest.mark.parametrize("name", ["large.jpg", "large.png", "large.webp", "large.avif"])
def test_what_is_no_image_is_a_download(client: Client, put: Callable[..., None], name: str, content: bytes) -> None:
    put(f"{FOLDER}/{name}", content)
    response = client.get(f"/media/{FOLDER}/{name}")
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response.getvalue() == content


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize(
    "name", ["uploads/0d4cc1a4", f"{FOLDER}/a.html", f"{FOLDER}/a.svg", f"{FOLDER}/orders.partial", f"{FOLDER}/.jpg"]
)
def test_what_is_no_result_is_not_served(client: Client, put: Callable[..., None], name: str) -> None:
    put(name)
    assert client.get(f"/media/{name}").status_code == 404


@pytest.mark.usefixtures("debug")
@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "images/../../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "/etc/passwd.txt",
        "//etc/passwd.txt",
        "images/outside.txt",
        "images/loop.txt",
        "images/folder.txt",
        "nothing.txt",
        "nul%00.txt",
        "a" * 5000 + ".txt",
    ],
)
def test_paths_out_of_the_media_folder(client: Client, media: Path, put: Callable[..., None], path: str) -> None:
    put("../secret.txt")
    put("images/folder.txt/a.txt")
    (media / "images/outside.txt").symlink_to(media.parent / "secret.txt")
    (media / "images/loop.txt").symlink_to(media / "images/loop.txt")
    assert client.get(f"/media/{path}").status_code == 404


@pytest.mark.django_db
def test_in_production_a_login_is_needed(client: Client, put: Callable[..., None], admin_user: User) -> None:
    put(f"{FOLDER}/large.jpg")
    response = client.get(f"/media/{FOLDER}/large.jpg")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    client.force_login(admin_user)
    response = client.get(f"/media/{FOLDER}/large.jpg")
    assert response.status_code == 200
    assert response.getvalue()


@pytest.mark.usefixtures("debug")
def test_nothing_is_sent_to_the_media(client: Client) -> None:
    assert client.post(f"/media/{FOLDER}/large.jpg").status_code == 405
