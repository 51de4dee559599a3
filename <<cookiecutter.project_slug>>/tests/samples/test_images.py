"""The image task on files of every format, held against what Pillow says of them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageOps

from samples.tasks import resize_image

type MakeImage = Callable[..., bytes]
type Upload = Callable[[bytes], str]
type Stored = Callable[[str], Path]

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def resize(upload: Upload) -> Callable[[bytes], Any]:
    return lambda content: resize_image.call(upload(content))


@pytest.fixture
def variants(resize: Callable[[bytes], Any], stored: Stored) -> Callable[[bytes], dict[str, Image.Image]]:
    """The variants of an image, decoded, by name."""

    def opened(content: bytes) -> dict[str, Image.Image]:
        return {variant["name"]: load(stored(variant["url"])) for variant in resize(content)["variants"]}

    return opened


def load(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize(
    ("format", "suffix"),
    [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "png"), ("AVIF", "avif")],
)
def test_every_format_becomes_three_variants(
    resize: Callable[[bytes], Any], stored: Stored, image_file: MakeImage, format: str, suffix: str
) -> None:
    result = resize(image_file(format, (2000, 1500)))
    assert (result["format"], result["width"], result["height"]) == (format, 2000, 1500)
    sizes = [(variant["name"], variant["width"], variant["height"]) for variant in result["variants"]]
    assert sizes == [("large", 1600, 1200), ("medium", 800, 600), ("small", 200, 150)]
    for variant in result["variants"]:
        path = stored(variant["url"])
        assert path.suffix == f".{suffix}"
        assert path.stat().st_size == variant["bytes"]
        assert load(path).size == (variant["width"], variant["height"])


def test_no_variant_is_larger_than_the_original(variants: Callable[..., Any], image_file: MakeImage) -> None:
    sizes = {name: image.size for name, image in variants(image_file("PNG", (50, 300))).items()}
    assert sizes == {"large": (50, 300), "medium": (50, 300), "small": (33, 200)}


def test_a_thread_of_pixels_keeps_a_pixel(variants: Callable[..., Any], image_file: MakeImage) -> None:
    assert variants(image_file("PNG", (4000, 1)))["small"].size == (200, 1)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(
    resize: Callable[[bytes], Any], stored: Stored, image_file: MakeImage, format: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = image_file(format, (640, 480), exif=exif)
    with Image.open(io.BytesIO(content)) as original:
        upright = ImageOps.exif_transpose(original).convert("RGB")
    result = resize(content)
    assert (result["width"], result["height"]) == upright.size
    small = load(stored(result["variants"][-1]["url"]))
    assert corners(small) == corners(upright)


def corners(image: Image.Image) -> list[str]:
    """The nearest of the four colours, clockwise from the top left."""
    width, height = image.size
    points = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
    pixels = [image.convert("RGB").getpixel((int(width * x), int(height * y))) for x, y in points]
    return ["".join("1" if channel > 127 else "0" for channel in pixel) for pixel in pixels if isinstance(pixel, tuple)]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_metadata_is_dropped_and_the_colour_profile_kept(
    variants: Callable[..., Any], image_file: MakeImage, format: str
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    content = image_file(format, exif=exif, xmp=b"<x:xmpmeta>at home</x:xmpmeta>", icc_profile=SRGB, comment=b"at home")
    for image in variants(content).values():
        assert dict(image.getexif()) == {}
        assert image.info["icc_profile"] == SRGB
        assert "home" not in str(image.info)


@pytest.mark.parametrize(("format", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA"), ("AVIF", "RGBA")])
def test_alpha_is_kept(
    variants: Callable[..., Any], picture: Callable[..., Image.Image], format: str, mode: str
) -> None:
    image = picture((600, 400)).convert(mode)
    image.putalpha(Image.linear_gradient("L").resize((600, 400)))
    file = io.BytesIO()
    image.save(file, format)
    for variant in variants(file.getvalue()).values():
        alpha = variant.getchannel("A")
        assert alpha.getpixel((5, 2)) < 20
        assert alpha.getpixel((variant.width - 5, variant.height - 3)) > 235


@pytest.mark.parametrize("format", ["GIF", "PNG"])
def test_a_transparent_colour_of_a_palette_becomes_alpha(variants: Callable[..., Any], format: str) -> None:
    image = Image.new("P", (400, 400), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (0, 0, 200, 400))
    file = io.BytesIO()
    image.save(file, format, transparency=1)
    small = variants(file.getvalue())["small"].convert("RGBA")
    assert small.getpixel((50, 100))[3] == 0
    assert small.getpixel((150, 100)) == (255, 0, 0, 255)


def test_sixteen_bit_grey_keeps_its_brightness(variants: Callable[..., Any]) -> None:
    file = io.BytesIO()
    Image.new("I;16", (300, 300), 32768).save(file, "PNG")
    assert variants(file.getvalue())["small"].getpixel((100, 100)) == 128


@pytest.mark.parametrize("profile", [None, b"not a profile"])
def test_print_colours_become_rgb(variants: Callable[..., Any], image_file: MakeImage, profile: bytes | None) -> None:
    small = variants(image_file("JPEG", mode="CMYK", icc_profile=profile))["small"]
    assert small.mode == "RGB"
    assert corners(small) == ["100", "010", "001", "111"]
    assert "icc_profile" not in small.info


def test_a_photograph_with_a_second_picture_is_a_jpeg(resize: Callable[[bytes], Any], stored: Stored) -> None:
    """As phones write it: a depth or brightness map follows the picture in the same file."""
    pictures = [Image.new("L", (3200, 2400), brightness) for brightness in (255, 0)]
    file = io.BytesIO()
    pictures[0].save(file, "MPO", save_all=True, append_images=pictures[1:])
    result = resize(file.getvalue())
    assert (result["format"], result["width"], result["height"]) == ("JPEG", 3200, 2400)
    assert corners(load(stored(result["variants"][0]["url"]))) == ["111"] * 4


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken(variants: Callable[..., Any], format: str) -> None:
    frames = [Image.new("RGB", (320, 240), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, format, save_all=True, append_images=frames[1:])
    for image in variants(file.getvalue()).values():
        assert getattr(image, "n_frames", 1) == 1
        assert corners(image) == ["100"] * 4
