"""The JSON API from outside: what it takes, what it refuses, and with which words."""

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.tasks import Task
from django.test import Client
from pytest_django import Settings

from samples.files import upload_path
from samples.tasks import export_orders, parse_document, resize_image

pytestmark = pytest.mark.django_db

MULTIPART_LIMIT = 50 * 2**20 + 64 * 1024


@pytest.fixture(autouse=True)
def debug(settings: Settings) -> None:
    settings.DEBUG = True


def post_file(client: Client, url: str, content: bytes, name: str = "file", **extra: Any) -> Any:
    return client.post(url, {"file": SimpleUploadedFile(name, content)}, **extra)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_an_image_is_stored_and_enqueued_whatever_its_name(
    client: Client, image_file: Callable[..., bytes], format: str
) -> None:
    content = image_file(format)
    response = post_file(client, "/api/images/", content, name="../../etc/passwd.exe")
    result = assert_accepted(response, resize_image)
    assert result.task.queue_name == "images"
    assert upload_path(result.args[0]).read_bytes() == content


def test_a_document_is_stored_and_enqueued(client: Client, pdf_file: Callable[..., bytes]) -> None:
    content = pdf_file(300)
    result = assert_accepted(post_file(client, "/api/documents/", content), parse_document)
    assert upload_path(result.args[0]).read_bytes() == content


@pytest.mark.parametrize("rows", ["1", "1000000"])
def test_an_export_is_enqueued(client: Client, rows: str) -> None:
    result = assert_accepted(client.post("/api/exports/", {"rows": rows}), export_orders)
    assert result.task.queue_name == "exports"
    assert result.args[1] == int(rows)


def assert_accepted(response: Any, task: Task[..., Any]) -> Any:
    """202 with id, status and the address of the task; give the task's result."""
    body = response.json()
    result = task.get_result(body["id"])
    assert response.status_code == 202
    assert body == {"id": result.id, "status": "READY", "url": f"/api/tasks/{result.id}/"}
    assert response["Location"] == body["url"]
    return result


def assert_refused(response: Any, status: int, type: str, message: str, media: Path) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response.json()["error"]["type"] == type
    assert message in response.json()["error"]["message"]
    assert not list(media.glob("uploads/*")), "what is refused is not kept"


@pytest.mark.parametrize(
    ("url", "content", "status", "type", "message"),
    [
        ("/api/images/", b"", 400, "BadRequest", "The file is empty."),
        ("/api/images/", b"%PDF-1.7", 415, "UnsupportedMediaType", "The file is PDF, going by its content."),
        ("/api/images/", b"<svg/>", 415, "UnsupportedMediaType", "Accepted here: JPEG, PNG, WebP, GIF, AVIF."),
        ("/api/documents/", b"\xff\xd8\xff\xe0", 415, "UnsupportedMediaType", "The file is JPEG"),
        ("/api/documents/", b"PK\x03\x04", 415, "UnsupportedMediaType", "of an unknown kind"),
    ],
)
def test_files_that_are_refused(
    client: Client, media: Path, url: str, content: bytes, status: int, type: str, message: str
) -> None:
    assert_refused(post_file(client, url, content, name="photo.jpg"), status, type, message, media)


@pytest.mark.parametrize("url", ["/api/images/", "/api/previews/", "/api/documents/"])
@pytest.mark.parametrize(
    "body",
    [
        {"data": {}},
        {"data": {"file": "text"}},
        {"data": '{"file": 1}', "content_type": "application/json"},
        {"data": b"--x\r\nContent-Disposition: nonsense", "content_type": "multipart/form-data; boundary=x"},
        {"data": b"", "content_type": "multipart/form-data"},
        {"data": b"\x00" * 300, "content_type": "multipart/form-data; boundary=" + "b" * 300},
    ],
)
def test_bodies_without_a_file(client: Client, media: Path, url: str, body: dict[str, Any]) -> None:
    assert_refused(client.post(url, **body), 400, "BadRequest", "", media)


def test_a_file_that_is_too_large(client: Client, media: Path, settings: Settings) -> None:
    settings.SAMPLES = {"upload_bytes": 2**20}
    gif = b"GIF89a" + bytes(2**20 - 6)
    assert_refused(post_file(client, "/api/images/", gif + b"x"), 413, "PayloadTooLarge", "at most 1 MB", media)
    assert post_file(client, "/api/images/", gif).status_code == 202


@pytest.mark.parametrize("url", ["/api/images/", "/api/previews/", "/api/documents/", "/api/exports/"])
def test_a_body_announced_too_large_is_not_read(client: Client, media: Path, url: str) -> None:
    body = io.BytesIO(b"--x\r\n")
    extra: dict[str, Any] = {"CONTENT_LENGTH": str(MULTIPART_LIMIT + 1), "wsgi.input": body}
    response = client.generic("POST", url, content_type="multipart/form-data; boundary=x", **extra)
    assert_refused(response, 413, "PayloadTooLarge", "at most 50 MB", media)
    assert body.tell() == 0


@pytest.mark.parametrize("rows", ["", "0", "-1", "1000001", "1e3", "10.5", "ten", "٣", "9" * 5000])
def test_numbers_of_rows_that_are_refused(client: Client, media: Path, rows: str) -> None:
    response = client.post("/api/exports/", {"rows": rows})
    assert_refused(response, 400, "BadRequest", "a whole number from 1 to 1,000,000", media)


@pytest.mark.parametrize("url", ["/api/images/", "/api/previews/", "/api/documents/", "/api/exports/"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(client: Client, media: Path, url: str, method: str) -> None:
    response = client.generic(method, url)
    assert_refused(response, 405, "MethodNotAllowed", f"{method} is not allowed here, only POST.", media)
    assert response["Allow"] == "POST"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("url", ["/api/", "/api/nothing/", "/api/images", "/api/images/1/"])
def test_other_addresses(client: Client, media: Path, url: str, method: str) -> None:
    assert_refused(client.generic(method, url), 404, "NotFound", f"There is nothing at {url}.", media)


def test_what_may_work_later(
    client: Client, media: Path, monkeypatch: pytest.MonkeyPatch, image_file: Callable[..., bytes]
) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("samples.enqueue.take_upload", fail)
    response = post_file(client, "/api/images/", image_file("PNG"))
    assert_refused(response, 503, "ServiceUnavailable", "gain", media)
    assert int(response["Retry-After"]) > 0


def test_a_disk_that_fills_up_keeps_no_half_of_a_file(
    client: Client, media: Path, monkeypatch: pytest.MonkeyPatch, image_file: Callable[..., bytes]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("samples.files.os.fsync", full)
    response = post_file(client, "/api/images/", image_file("PNG"))
    assert_refused(response, 507, "StorageFull", "No space left on device", media)


def test_a_fault_of_ours_is_no_refusal(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samples.enqueue.uuid4", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.post("/api/exports/", {"rows": "1"})
