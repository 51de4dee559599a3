from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from django.tasks import task

from samples.files import existing_upload, full_disk_explained, result_folder, url_of, written_whole

if TYPE_CHECKING:
    from PIL.Image import Image

    from samples.imaging import OutputFormat


class Variant(TypedDict):
    name: str  # large, medium or small
    width: int
    height: int
    bytes: int
    url: str


class ImageResult(TypedDict):
    format: str
    width: int  # of the original, upright
    height: int
    variants: list[Variant]


@task(queue_name="images")
@full_disk_explained()
def resize_image(upload_id: str) -> ImageResult:
    """Three variants of an uploaded image. Raises UploadMissing, UnreadableImage or ImageTooLarge."""
    from samples import decoding, imaging

    decoded = decoding.decode(existing_upload(upload_id))
    output = imaging.OUTPUT[decoded.format]
    folder = result_folder("images", upload_id)
    variants = []
    image = decoded.image
    for name, long_side in imaging.SIZES.items():
        image = imaging.fit(image, long_side)  # from the variant before: a fraction of the work, and no worse
        variants.append(_write_variant(name, image, output, folder))
    return {"format": decoded.format, "width": decoded.width, "height": decoded.height, "variants": variants}


@task(queue_name="images", priority=50)  # somebody waits for it, so it goes before what nobody waits for
def preview_image(upload_id: str) -> Variant:
    """The small variant alone. Raises as `resize_image` does."""
    from samples import decoding, imaging

    decoded = decoding.decode(existing_upload(upload_id))
    image = imaging.fit(decoded.image, imaging.SIZES["small"])
    return _write_variant("small", image, imaging.OUTPUT[decoded.format], result_folder("previews", upload_id))


def _write_variant(name: str, image: Image, output: OutputFormat, folder: Path) -> Variant:
    from samples import imaging

    path = folder / f"{name}.{output.suffix}"
    with written_whole(path) as file:
        imaging.encode(image, output, file)
    size = path.stat().st_size
    return {"name": name, "width": image.width, "height": image.height, "bytes": size, "url": url_of(path)}
