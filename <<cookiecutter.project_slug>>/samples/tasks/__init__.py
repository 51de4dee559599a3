"""The background work. Importing these modules loads neither Pillow nor pypdf: the web imports them to enqueue."""

from samples.tasks.documents import parse_document
from samples.tasks.exports import export_orders
from samples.tasks.images import preview_image, resize_image

__all__ = ["export_orders", "parse_document", "preview_image", "resize_image"]
