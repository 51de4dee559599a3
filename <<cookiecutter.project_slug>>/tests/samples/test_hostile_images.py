"""Images that are damaged, or made to do damage: a named error with a sentence for people, and nothing left behind."""

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pytest_django import Settings

from samples.errors import ImageTooLarge, SampleError, UnreadableImage, UploadMissing
from samples.tasks import resize_image

type MakeImage = Callable[..., bytes]
type Upload = Callable[[bytes], str]

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "AVIF"]


def png_that_announces(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated(upload: Upload, image_file: MakeImage, media: Path, format: str, share: float) -> None:
    content = image_file(format, (1000, 800))
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        resize_image.call(upload(content[: int(len(content) * share)]))
    assert not list(media.glob("images/*/*"))


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"%PDF-1.7"]
)
def test_nothing_but_a_signature(upload: Upload, media: Path, content: bytes) -> None:
    with pytest.raises(UnreadableImage) as raised:
        resize_image.call(upload(content))
    assert str(media) not in str(raised.value)


@pytest.mark.parametrize("format", FORMATS)
def test_random_damage_gives_a_result_or_a_named_error(upload: Upload, image_file: MakeImage, format: str) -> None:
    content = image_file(format, (400, 300))
    chance = random.Random(format)
    outcomes: set[object] = set()
    for _ in range(40):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 30)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            outcomes.add(type(resize_image.call(upload(bytes(damaged)))))
        except SampleError as error:
            outcomes.add(type(error))
    assert UnreadableImage in outcomes
    assert outcomes <= {dict, UnreadableImage, ImageTooLarge}


def test_a_bomb_is_refused_by_its_header(upload: Upload) -> None:
    with pytest.raises(ImageTooLarge, match="50000 × 50000 = 2500 million pixels; at most 30 million"):
        resize_image.call(upload(png_that_announces(50_000, 50_000)))


def test_a_jpeg_may_have_more_pixels_than_what_is_decoded_in_full(
    upload: Upload, image_file: MakeImage, settings: Settings
) -> None:
    settings.SAMPLES = {"image_memory": 1_000_000, "image_pixels": 1_000_000}
    assert resize_image.call(upload(image_file("JPEG", (1000, 1000))))["width"] == 1000
    for content in (image_file("JPEG", (1001, 1000)), image_file("JPEG", (1000, 1000), progressive=True)):
        with pytest.raises(ImageTooLarge):
            resize_image.call(upload(content))


def test_a_timeout_is_not_taken_for_damage(
    upload: Upload, image_file: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overrun(*args: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(Image.Image, "resize", overrun)
    with pytest.raises(TimeoutError):
        resize_image.call(upload(image_file("PNG", (2000, 2000))))


def test_an_upload_that_is_gone(upload: Upload) -> None:
    with pytest.raises(UploadMissing, match="Upload it again"):
        resize_image.call("0d4cc1a4-7c1e-4f55-9a1b-000000000000")
