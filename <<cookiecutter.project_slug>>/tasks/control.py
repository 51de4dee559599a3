"""What people do to tasks: cancel one, retry one, let one run now, discard one."""

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from tasks.errors import TaskCancelled
from tasks.models import TaskRecord
from tasks.table import awaiting, chains, history, limits, tally, wakeup
from tasks.table.queue import FAILED, READY, RUNNING, aftermath


def cancel(record: TaskRecord) -> bool:
    """End a task that waits at once; one that runs is asked to end. A finished one stays as it is: False."""
    waiting = TaskRecord.objects.filter(pk=record.pk, status=READY)
    entry = history.entry(record.attempt, "-", "cancelled", TaskCancelled, "It was cancelled before it ran.")
    with transaction.atomic():
        if record.chain:
            chains.lock(record.chain)
        ended = waiting.update(
            status=FAILED, finished_at=timezone.now(), cancelled=True, history=[*record.history, entry]
        )
        if ended:
            limits.admit_on_commit(aftermath(record, FAILED))
    if ended:
        awaiting.tell(record.pk)
        return True
    running = TaskRecord.objects.filter(pk=record.pk, status=RUNNING)
    asked = running.update(cancelled=True)
    for claim in running.values_list("claim", flat=True):
        wakeup.cancel(record.pk, str(claim))
    return bool(asked)


def retry(record: TaskRecord) -> bool:
    """Put a failed task back into its queue, with all its attempts before it, and what has failed of its chain.

    Others stay as they are, and so does one whose unique key another task has now: False.
    """
    its_own = Q(pk=record.pk) if record.chain is None else Q(chain=record.chain)
    failed = TaskRecord.objects.filter(its_own, status=FAILED)
    waits_until = chains.HELD_BY_CHAIN if record.chain else limits.waits_until(None, record.limit_key)
    try:
        with transaction.atomic():
            if record.chain:
                chains.lock(record.chain)
            batches = [record.batch for record in failed.select_for_update() if record.batch]
            if not failed.update(
                status=READY, finished_at=None, cancelled=False, waits_until=waits_until, progress=None
            ):
                return False
            tally.count_again(batches)
            if record.chain:
                limits.admit_on_commit(chains.go_on(record.chain))
            elif record.limit_key:
                limits.admit_on_commit({record.limit_key})
            else:
                wakeup.wake_on_commit(record.queue)
    except IntegrityError:
        return False
    return True


def run_now(record: TaskRecord) -> bool:
    """Make a task due that waits for its time, as it was asked for or after a failure.

    One that waits for another task, or for a place under its limit, stays as it is, and others do: False.
    """
    waiting = TaskRecord.objects.filter(pk=record.pk, status=READY, waits_until__lt=limits.HELD_BY_LIMIT)
    with transaction.atomic():
        found = waiting.update(waits_until=timezone.now())
        wakeup.wake_housekeepers()
    return bool(found)


def discard(record: TaskRecord) -> bool:
    """Delete a task that has ended, as pruning would do later. One that waits or runs stays: False."""
    deleted, _ = TaskRecord.objects.filter(pk=record.pk, finished_at__isnull=False).delete()
    return bool(deleted)
