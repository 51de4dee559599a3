"""Why a task waits, in words for the admin."""

from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tasks.models import TaskRecord
from tasks.table.chains import HELD_BY_CHAIN
from tasks.table.limits import HELD_BY_LIMIT


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
