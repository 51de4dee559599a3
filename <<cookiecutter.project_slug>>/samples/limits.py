"""How large things may be. `SAMPLES` in the settings overrides fields: `SAMPLES = {"upload_bytes": 10_000_000}`."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Limits:
    upload_bytes: int = 50 * 2**20
    """An image or document. Above it: 413."""

    image_pixels: int = 100_000_000
    """Width times height, as the file's header says. Above it the task fails before anything is decoded."""

    image_memory: int = 300_000_000
    """Bytes that decoding may take. Most formats need 7 to 16 for each pixel (samples/decoding.py), so they are held to
    fewer pixels than the line above: 18 to 42 million. A usual JPEG is decoded at a reduced scale and is not."""

    document_pages: int = 5_000
    document_characters: int = 50_000_000
    """Of all pages together; how long the reading may take is the pool's timeout."""

    export_rows: int = 1_000_000

    @property
    def upload_megabytes(self) -> int:
        return self.upload_bytes // 2**20


def limits() -> Limits:
    return Limits(**getattr(settings, "SAMPLES", {}))
