"""Reading images that strangers send, within bounds of memory. As `samples/imaging.py`, for tasks only."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The plugins by name: asked for a format it has not loaded, Pillow would load all its forty.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)
from PIL.Image import Transpose

from samples.errors import ImageTooLarge, UnreadableImage
from samples.imaging import LARGEST, OUTPUT, fit
from samples.limits import limits
from samples.text import storable

# One call into the decoder for each block, and one wait for the interpreter lock after it: with Pillow's 64 KB the
# requests next door wait up to 20 ms, with 1 MB up to 4.
READ_BLOCK = 2**20

# Memory for each pixel while an image is decoded and reduced to the largest variant: measured peaks, rounded up.
BYTES_PER_PIXEL = {"JPEG": 8, "PNG": 10, "WEBP": 16, "GIF": 7, "AVIF": 10}

ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}

# Pillow reports damage through whatever its parsers and decoders run into.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

Image.MAX_IMAGE_PIXELS = None  # Pillow's own bound warns or raises by the process; ours raises by the file


@dataclass(frozen=True)
class Decoded:
    """An image upright in RGB, RGBA, L or LA, no larger than the largest variant, and what its file said."""

    image: Image.Image
    format: str
    width: int  # of the file's image, upright
    height: int


def decode(path: Path) -> Decoded:
    """Raises ImageTooLarge before decoding, UnreadableImage for what is damaged."""
    with _damage_as_unreadable(), Image.open(path, formats=list(OUTPUT)) as source:
        size = source.size
        _refuse_too_large(source)
        _reduce_scale(source)
        source.load()
        orientation = _orientation(source)
        image = fit(_plain_mode(source), LARGEST)
        if orientation in UPRIGHT:
            image = image.transpose(UPRIGHT[orientation])
        width, height = reversed(size) if orientation in SIDEWAYS else size
        return Decoded(_screen_colours(image), _format(source), width, height)


@contextmanager
def _damage_as_unreadable() -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, TimeoutError) or getattr(error, "errno", None):
            raise  # the task's own timeout, a disk that cannot be read: not the image's fault
        raise UnreadableImage(
            f"This image is damaged or incomplete ({_reason(error)}). Export it again and upload the new file."
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its text is the path on the server
        return "nothing in it can be recognised"
    return storable(str(error))


def _format(source: ImageFile.ImageFile) -> str:
    """Phones put a second picture (depth, brightness) behind the first: a JPEG that Pillow calls MPO."""
    return "JPEG" if source.format == "MPO" else str(source.format)


def _refuse_too_large(source: ImageFile.ImageFile) -> None:
    """A few kilobytes may announce gigabytes of pixels, so the header is asked first."""
    pixels, most = source.width * source.height, _most_pixels(source)
    if pixels > most:
        raise ImageTooLarge(
            f"This {_format(source)} image has {source.width} × {source.height} = {pixels / 1e6:.0f} million pixels; "
            f"at most {most / 1e6:.0f} million are accepted. Make it smaller and upload it again."
        )


def _most_pixels(source: ImageFile.ImageFile) -> int:
    format = _format(source)
    if format == "JPEG" and not source.info.get("progressive"):
        return limits().image_pixels  # a progressive one holds its coefficients of all pixels, whatever the scale
    return min(limits().image_pixels, limits().image_memory // BYTES_PER_PIXEL[format])


def _reduce_scale(source: ImageFile.ImageFile) -> None:
    """Let a JPEG come out at a half, a quarter or an eighth where that is still enough for the largest variant."""
    source.decodermaxblock = READ_BLOCK
    scale = min(1, LARGEST / max(source.size))
    source.draft(None, (round(source.width * scale), round(source.height * scale)))


def _orientation(source: Image.Image) -> int:
    try:
        return int(source.getexif().get(ORIENTATION, 1))
    except Exception:  # a broken EXIF block is no reason to refuse the picture
        return 1


def _plain_mode(image: Image.Image) -> Image.Image:
    """Palettes and bit depths unfolded, so that pixels can be blended; transparency becomes an alpha channel."""
    if image.mode.startswith("I"):
        return image.point(lambda value: value / 256).convert("L")  # 16-bit grey
    if image.mode in {"1", "P", "PA"} or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


def _screen_colours(image: Image.Image) -> Image.Image:
    """Print colours (CMYK) become those of a screen, by the image's own profile where it has one."""
    if image.mode != "CMYK":
        return image if image.mode in {"RGB", "RGBA", "L", "LA"} else image.convert("RGB")
    profile = image.info.get("icc_profile")
    converted = _to_srgb(image, profile) if profile else image.convert("RGB")
    converted.info.pop("icc_profile", None)
    return converted


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    own, srgb = io.BytesIO(profile), ImageCms.createProfile("sRGB")
    try:
        converted = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
    except ImageCms.PyCMSError:
        converted = None
    return converted or image.convert("RGB")
