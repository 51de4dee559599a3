"""What the tests of the samples share: files made on the spot, a place for them, and a context that remembers."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from pytest_django import Settings
from reportlab.pdfgen import canvas  # type: ignore[import-untyped]

from samples.files import upload_path


class FakeContext:
    """Keeps what a task reports, and can stand for a crash: `crash_at` raises at the n-th checkpoint."""

    def __init__(self, last_checkpoint: Any = None, crash_at: int = 0) -> None:
        self.attempt = 1
        self.last_checkpoint = last_checkpoint
        self.crash_at = crash_at
        self.reports: list[tuple[int, int]] = []
        self.checkpoints: list[Any] = []

    def progress(self, done: int, total: int) -> None:
        self.reports.append((done, total))

    def checkpoint(self, value: Any) -> None:
        if len(self.checkpoints) + 1 == self.crash_at:
            raise KeyboardInterrupt
        self.checkpoints.append(value)
        self.last_checkpoint = value


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Settings) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


@pytest.fixture
def new_context() -> type[FakeContext]:
    return FakeContext


@pytest.fixture
def upload() -> Callable[[bytes], str]:
    """Store bytes as the upload view does; give the id."""

    def store(content: bytes) -> str:
        upload_id = str(uuid4())
        path = upload_path(upload_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return upload_id

    return store


@pytest.fixture
def stored(media: Path) -> Callable[[str], Path]:
    """The file behind a result's URL."""
    return lambda url: media / url.removeprefix("/media/")


def quadrants(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """Red, green, blue and white, clockwise from the top left: tells which way is up."""
    corners = Image.new("RGB", (2, 2))
    for position, colour in {(0, 0): "red", (1, 0): "lime", (1, 1): "blue", (0, 1): "white"}.items():
        corners.putpixel(position, Image.new("RGB", (1, 1), colour).getpixel((0, 0)) or 0)
    return corners.resize(size, Image.Resampling.NEAREST).convert(mode)


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    return quadrants


@pytest.fixture
def image_file() -> Callable[..., bytes]:
    """A picture of four colours as a file: `image_file("PNG", (800, 600), "RGBA", **options of the writer)`."""

    def make(format: str, size: tuple[int, int] = (640, 480), mode: str = "RGB", **options: Any) -> bytes:
        file = io.BytesIO()
        quadrants(size, mode).save(file, format, **options)
        return file.getvalue()

    return make


@pytest.fixture
def pdf_file() -> Callable[..., bytes]:
    """A PDF with a line on each page: `pdf_file(3, title="…", author="…")`."""

    def make(pages: int = 1, title: str = "", author: str = "", **options: Any) -> bytes:
        file = io.BytesIO()
        document = canvas.Canvas(file, **options)
        document.setTitle(title)
        document.setAuthor(author)
        for number in range(1, pages + 1):
            document.drawString(72, 720, f"This is page {number}.")
            document.showPage()
        document.save()
        return file.getvalue()

    return make
