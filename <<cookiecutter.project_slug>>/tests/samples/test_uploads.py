"""Files are recognised by their first bytes."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from samples.uploads import recognise


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WebP", "GIF", "AVIF"])
def test_images_as_pillow_writes_them(image_file: Callable[..., bytes], format: str) -> None:
    assert recognise(image_file(format.upper())[:1024]) == format


def test_an_animated_avif_has_another_brand() -> None:
    file = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:])
    assert file.getvalue()[8:12] == b"avis"
    assert recognise(file.getvalue()[:1024]) == "AVIF"


@pytest.mark.parametrize("before", [b"", b"\n", b"x" * 1000])
def test_a_pdf_may_begin_a_little_late(pdf_file: Callable[..., bytes], before: bytes) -> None:
    assert recognise((before + pdf_file())[:1024]) == "PDF"


@pytest.mark.parametrize(
    "head",
    [
        b"<html>",
        b"GIF90a",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
        b"\0\0\0\x18ftyp",
        b"PK\x03\x04",
        b"x" * 1024 + b"%PDF-1.7",
        b"\xff\xd8",
    ],
)
def test_other_things(head: bytes) -> None:
    assert recognise(head[:1024]) is None
