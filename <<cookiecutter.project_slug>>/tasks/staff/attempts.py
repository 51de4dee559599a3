"""The attempts of a task, for its page in the admin: how each ended, what it cost, and the report of a failure."""

from typing import Any

from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string

from tasks.models import TaskRecord

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
