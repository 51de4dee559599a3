"""One task, in words for people: how its attempts ended and what they cost, why it waits, how far it is."""

from typing import Any

from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runtime.interpreter import inside
from runtime.shared.board import Cell, halves
from tasks.models import TaskRecord
from tasks.table.chains import HELD_BY_CHAIN
from tasks.table.limits import HELD_BY_LIMIT

TEMPLATE = "admin/tasks/taskrecord/attempt.html"


def attempts_without_success(record: TaskRecord) -> str:
    """The last one first, and open."""
    reports = dict(record.reports.values_list("attempt", "content"))
    shown = []
    for age, end in enumerate(reversed(record.history)):
        # One that was lost or cancelled between two attempts has the number of the one before.
        report = reports.get(end["attempt"]) if end["outcome"] == "failed" else None
        bill = bill_in_words(end.get("bill"))
        shown.append(render_to_string(TEMPLATE, {"end": end, "report": report, "bill": bill, "is_open": not age}))
    return "".join(shown)


def bill_in_words(bill: dict[str, Any] | None) -> list[str]:
    """One line for the figures, and one for the statement that was repeated most."""
    if not bill:
        return []
    words = [f"{seconds(bill['cpu'])} of CPU", f"{seconds(bill['waiting'])} of waiting"]
    if number := bill.get("queries"):
        words.append(f"{number:,} {'query' if number == 1 else 'queries'} in {seconds(bill['sql_seconds'])}")
    for key, what in (("memory", "of new memory"), ("read", "read"), ("written", "written")):
        if key in bill:
            words.append(f"{filesizeformat(bill[key])} {what}")
    repeated = bill.get("repeated")
    return [", ".join(words)] + ([f"{repeated['times']:,} times: {repeated['sql']}"] if repeated else [])


def seconds(value: float) -> str:
    return f"{value:,.2f} s" if value >= 1 else f"{value * 1000:,.1f} ms"


def reason_to_wait(record: TaskRecord) -> SafeString | str | None:
    """What has to happen before it can run; None where it runs or has ended."""
    if record.status != "READY":
        return None
    if record.waits_until is None:
        return f"A free worker of the queue {record.queue}"
    if record.waits_until == HELD_BY_LIMIT:
        return f"A place: at most {record.limit_number} with the key {record.limit_key} run at once"
    if record.waits_until == HELD_BY_CHAIN:
        return _the_one_before(record)
    return f"{formats.localize(timezone.localtime(record.waits_until))}"


def _the_one_before(record: TaskRecord) -> SafeString:
    before = TaskRecord.objects.filter(chain=record.chain, pk__lt=record.pk).order_by("-pk").only("task").first()
    if before is None:
        return format_html("{}", "The task before it in its chain, which is no more in the table")
    address = reverse("admin:tasks_taskrecord_change", args=[before.pk])
    return format_html('The end of <a href="{}">{}</a>, before it in its chain', address, before.task)


def progress_of(record: TaskRecord) -> dict[str, int] | None:
    """{"done", "total"} as the board has it where it runs in this process, else its row; None where it has not said."""
    board = inside.board if record.status == "RUNNING" else None
    for row in map(board.seat, range(board.seats)) if board else ():
        if (row[Cell.TASK_HIGH], row[Cell.TASK_LOW]) == halves(record.pk.int) and row[Cell.PROGRESS_TOTAL]:
            return {"done": row[Cell.PROGRESS_DONE], "total": row[Cell.PROGRESS_TOTAL]}
    saved: dict[str, int] | None = record.progress
    return saved
