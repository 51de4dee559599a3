"""Real files through the running server, compared with what the libraries say themselves."""

import io
import json
import socket
from http.client import HTTPResponse

import pytest
from PIL import Image
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from tests.server import running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data")) as server:
        yield server


def upload(server, kind, name, content):
    answer = server.client.post(f"/api/{kind}/", files={"file": (name, content)})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert set(body) == {"id", "status", "url"}
    assert body["url"] == f"/api/tasks/{body['id']}/"
    return server.wait_for_task(body["id"])


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_an_image_comes_back_in_three_sizes(server, image_format):
    content = io.BytesIO()
    Image.linear_gradient("L").resize((2000, 1000)).convert("RGB").save(content, image_format)
    state = upload(server, "images", "upload.bin", content.getvalue())

    assert state["status"] == "SUCCESSFUL", state
    result = state["result"]
    assert (result["width"], result["height"]) == (2000, 1000)
    sizes = []
    for variant in result["variants"]:
        answer = server.client.get(variant["url"])
        with Image.open(io.BytesIO(answer.content)) as image:
            sizes.append(image.size)
            assert image.size == (variant["width"], variant["height"])
        assert len(answer.content) == variant["bytes"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert sizes == [(1600, 800), (800, 400), (200, 100)]


def test_a_preview_comes_back_with_the_answer(server):
    content = io.BytesIO()
    Image.linear_gradient("L").resize((2000, 1000)).convert("RGB").save(content, "JPEG")
    answer = server.client.post("/api/previews/", files={"file": ("a.jpg", content.getvalue())})

    assert answer.status_code == 200, answer.text
    preview = answer.json()
    with Image.open(io.BytesIO(server.client.get(preview["url"]).content)) as image:
        assert image.size == (preview["width"], preview["height"]) == (200, 100)


def test_a_document_comes_back_as_text(server):
    content = io.BytesIO()
    canvas = Canvas(content)
    canvas.setTitle("Yearly report")
    canvas.setAuthor("Accounting")
    for page in range(5):
        canvas.drawString(72, 700, f"This is page {page}.")
        canvas.showPage()
    canvas.save()
    state = upload(server, "documents", "report.pdf", content.getvalue())

    assert state["status"] == "SUCCESSFUL", state
    result = state["result"]
    reader = PdfReader(io.BytesIO(content.getvalue()))
    text = server.client.get(result["text_url"]).text
    assert result["pages"] == len(reader.pages) == 5
    assert (result["title"], result["author"]) == (reader.metadata.title, reader.metadata.author)
    assert result["encrypted"] is False
    for page in reader.pages:
        assert page.extract_text() in text
    assert state["progress"] == {"done": 5, "total": 5}


def test_an_export_comes_back_as_csv(server):
    answer = server.client.post("/api/exports/", data={"rows": "1234"})
    state = server.wait_for_task(answer.json()["id"])
    content = server.client.get(state["result"]["url"])
    lines = content.text.splitlines()

    assert state["result"]["rows"] == 1234
    assert len(lines) == 1235
    assert len(set(lines)) == 1235
    assert len(content.content) == state["result"]["bytes"]


@pytest.mark.parametrize(
    ("path", "files", "status", "kind"),
    [
        ("/api/images/", {}, 400, None),
        ("/api/images/", {"file": ("a.jpg", b"")}, 400, None),
        ("/api/images/", {"file": ("a.jpg", b"%PDF-1.7 not an image")}, 415, None),
        ("/api/documents/", {"file": ("a.pdf", b"GIF89a")}, 415, None),
    ],
)
def test_what_is_not_taken_is_explained(server, path, files, status, kind):
    answer = server.client.post(path, files=files or None)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"type", "message"}


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(server):
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"POST /api/images/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
        answer = HTTPResponse(connection)
        answer.begin()
        body = json.loads(answer.read())

    assert answer.status == 413
    assert set(body["error"]) == {"type", "message"}


def test_an_unknown_task_is_not_found(server):
    answer = server.client.get("/api/tasks/01890000-0000-7000-8000-000000000000/")

    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"type", "message"}
