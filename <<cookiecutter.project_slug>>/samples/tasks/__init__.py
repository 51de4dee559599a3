"""The background work. Importing these modules loads neither Pillow nor pypdf: the web imports them to enqueue."""

from samples.tasks.documents import parse_document
from samples.tasks.exports import export_orders
from samples.tasks.images import preview_image, resize_image
from samples.tasks.payments import charge_order

__all__ = ["charge_order", "export_orders", "parse_document", "preview_image", "resize_image"]
