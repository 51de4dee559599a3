import csv
import io
import os
from typing import IO, Any, TypedDict

from django.tasks import task

from samples.demo_orders import seed_orders
from samples.files import full_disk_explained, publish, result_folder, url_of
from samples.models import Order

BATCH = 5_000  # rows between two checkpoints; each costs one fsync and one write to the database

COLUMNS = (
    "id",
    "placed_at",
    "status",
    "customer",
    "email",
    "street",
    "city",
    "country",
    "sku",
    "product",
    "quantity",
    "unit_price",
    "currency",
)


class Checkpoint(TypedDict):
    """The file is on disk up to `bytes`, which hold the header and `rows` rows, the last one with the key `last_id`."""

    last_id: int
    rows: int
    bytes: int


START: Checkpoint = {"last_id": 0, "rows": 0, "bytes": 0}


class ExportResult(TypedDict):
    rows: int
    bytes: int
    url: str


@task(queue_name="exports", takes_context=True)
@full_disk_explained()
def export_orders(context: Any, export_id: str, rows: int) -> ExportResult:
    """The first `rows` orders as CSV; where there are fewer, demo orders are added first.

    Interrupted at any point, the next attempt goes on from the last checkpoint, and each row stands in the file once.
    """
    missing = max(0, rows - Order.objects.count())

    def show(steps: int) -> None:
        """In rows, of which those that are made first are a part of the work."""
        context.progress(steps * rows // (missing + rows), rows)

    seed_orders(rows, report=show)
    path = result_folder("exports", export_id) / "orders.csv"
    partial = path.with_suffix(".partial")
    with partial.open("ab") as file:
        done = _resume(file, context.last_checkpoint)
        while done["rows"] < rows and (batch := _next_batch(done["last_id"], rows - done["rows"])):
            done = _append(file, done, batch)
            context.checkpoint(done)
            show(missing + done["rows"])
        publish(file, path)
    return {"rows": done["rows"], "bytes": path.stat().st_size, "url": url_of(path)}


def _resume(file: IO[bytes], checkpoint: Checkpoint | None) -> Checkpoint:
    """Cut off what was written after the checkpoint; start afresh where the file is gone or has none."""
    done = checkpoint or START
    if file.seek(0, os.SEEK_END) < done["bytes"]:
        done = START
    file.truncate(done["bytes"])
    file.seek(done["bytes"])
    return done


def _next_batch(last_id: int, most: int) -> list[tuple[Any, ...]]:
    """By key, not by offset: the thousandth batch is found as quickly as the first."""
    orders = Order.objects.filter(pk__gt=last_id).order_by("pk")
    return list(orders.values_list(*COLUMNS)[: min(BATCH, most)])


def _append(file: IO[bytes], done: Checkpoint, batch: list[tuple[Any, ...]]) -> Checkpoint:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if not done["bytes"]:
        writer.writerow(COLUMNS)
    writer.writerows(batch)
    file.write(text.getvalue().encode())
    file.flush()
    os.fsync(file.fileno())  # the checkpoint must not claim what a power cut can still take away
    return {"last_id": batch[-1][0], "rows": done["rows"] + len(batch), "bytes": file.tell()}
