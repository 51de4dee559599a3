"""The samples' tasks, killed at each of their lines and run again. The payment has a test of its own."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from samples.demo_orders import seed_orders
from samples.tasks import export_orders, exports, parse_document, preview_image, resize_image
from tasks.testing import crash_everywhere

pytestmark = pytest.mark.django_db(transaction=True)


def test_images(upload: Callable[[bytes], str], image_file: Callable[..., bytes]) -> None:
    assert crash_everywhere(resize_image, upload(image_file("PNG", (40, 30)))).not_compared == ()


def test_previews(upload: Callable[[bytes], str], image_file: Callable[..., bytes]) -> None:
    assert crash_everywhere(preview_image, upload(image_file("JPEG", (40, 30)))).not_compared == ()


def test_documents(upload: Callable[[bytes], str], pdf_file: Callable[..., bytes]) -> None:
    assert crash_everywhere(parse_document, upload(pdf_file(2))).not_compared == ()


def test_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all checkpoints in the database, and with none; the file holds what is compared, so the orders are there."""
    monkeypatch.setattr(exports, "BATCH", 2)
    seed_orders(5)
    assert crash_everywhere(export_orders, str(uuid4()), 5).not_compared == ()
