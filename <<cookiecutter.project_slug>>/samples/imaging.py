"""Resizing of images with Pillow. Import this inside a task only: Pillow loads in the `images` pool, not in the web's.

Of an animation the first frame is taken. Metadata (EXIF, XMP, comments) is dropped after the orientation has been
applied; a colour profile is kept. `samples/decoding.py` reads, this module scales and writes.
"""

import os
import shutil
from dataclasses import dataclass
from typing import IO

from PIL import Image
from PIL.Image import Resampling

SIZES = {"large": 1600, "medium": 800, "small": 200}  # pixels on the long side, largest first
LARGEST = max(SIZES.values())


@dataclass(frozen=True)
class OutputFormat:
    name: str
    suffix: str
    options: dict[str, int | bool]


JPEG = OutputFormat("JPEG", "jpg", {"quality": 85, "progressive": True, "optimize": True})
PNG = OutputFormat("PNG", "png", {})
WEBP = OutputFormat("WEBP", "webp", {"quality": 82})
AVIF = OutputFormat("AVIF", "avif", {"quality": 65, "speed": 8, "max_threads": 1})

# GIF's 256 colours would spoil what resizing blends.
OUTPUT = {"JPEG": JPEG, "PNG": PNG, "WEBP": WEBP, "GIF": PNG, "AVIF": AVIF}


def fit(image: Image.Image, long_side: int) -> Image.Image:
    """The image scaled down until its longer side has `long_side` pixels; never enlarged."""
    scale = long_side / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Resampling.LANCZOS)


def encode(image: Image.Image, output: OutputFormat, file: IO[bytes]) -> None:
    """Write the image to a file, by way of one in memory.

    Into a BytesIO, Pillow would encode a JPEG without letting others run. Straight to the disk, it takes no notice when
    a full one stores only a part of the JPEG.
    """
    profile = image.info.get("icc_profile")
    bare = image.copy()
    bare.info = {}  # what is left in here, writers may store
    with open(os.memfd_create(output.suffix), "w+b") as memory:
        bare.save(memory, output.name, icc_profile=profile, **output.options)
        memory.seek(0)
        shutil.copyfileobj(memory, file)
