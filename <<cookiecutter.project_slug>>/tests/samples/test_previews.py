"""A preview within the request: what comes back when it is made, when it cannot be, and when it takes too long."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.tasks import TaskResult
from django.test import Client
from pytest_django import Settings

import tasks
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def debug(settings: Settings) -> None:
    settings.DEBUG = True


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a worker ran the task while the request waits."""

    def run_and_wait(result: TaskResult[..., Any], seconds: float) -> TaskResult[..., Any]:
        run_pending()
        return tasks.wait(result, seconds)

    monkeypatch.setattr("samples.api.wait", run_and_wait)


def post(client: Client, content: bytes) -> Any:
    return client.post("/api/previews/", {"file": SimpleUploadedFile("photo", content)})


@pytest.mark.parametrize(("format", "size"), [("JPEG", (200, 150)), ("PNG", (200, 150)), ("GIF", (200, 150))])
@pytest.mark.usefixtures("worker")
def test_a_preview_comes_with_the_answer(
    client: Client, image_file: Callable[..., bytes], stored: Callable[[str], Path], format: str, size: tuple[int, int]
) -> None:
    response = post(client, image_file(format))
    preview = response.json()
    assert (response.status_code, preview["width"], preview["height"]) == (200, *size)
    assert stored(preview["url"]).stat().st_size == preview["bytes"]


@pytest.mark.usefixtures("worker")
def test_a_damaged_image_is_a_bad_request(client: Client, image_file: Callable[..., bytes]) -> None:
    response = post(client, image_file("PNG")[:100])
    assert (response.status_code, response.json()["error"]["type"]) == (400, "BadRequest")
    assert "damaged or incomplete" in response.json()["error"]["message"]


@pytest.mark.usefixtures("worker")
def test_a_fault_that_is_not_the_image_s(
    client: Client, image_file: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samples.tasks.images.result_folder", lambda *arguments: 1 / 0)
    response = post(client, image_file("PNG"))
    assert (response.status_code, response.json()["error"]["type"]) == (503, "ServiceUnavailable")


def test_one_that_takes_too_long_is_followed_as_every_task(
    client: Client, image_file: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(result: TaskResult[..., Any], seconds: float) -> None:
        raise TimeoutError

    monkeypatch.setattr("samples.api.wait", wait)
    response = post(client, image_file("PNG"))
    assert (response.status_code, response.json()["status"]) == (202, "READY")
    assert client.get(response["Location"]).json()["task"] == "samples.tasks.images.preview_image"
