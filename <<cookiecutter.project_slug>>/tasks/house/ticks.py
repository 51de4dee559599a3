"""The ticks of recurring tasks: each one is enqueued once, however many nodes run and however often they start.

A tick belongs to whose UPDATE finds the time that it has read; in the same transaction the task is enqueued. The next
time is counted from now, so what was missed while no server ran is made up for once.
"""

import logging
import math
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from runtime.shared.log import event
from tasks import schedule
from tasks.discovery import load_tasks
from tasks.expressions import parse
from tasks.models import Schedule
from tasks.table import wakeup
from tasks.table.patience import PASSING

logger = logging.getLogger("tasks")

PAUSE_AFTER_ERROR = timedelta(seconds=1)
LATE = timedelta(minutes=1)  # by more than this: the log says so


class Ticker:
    """The housekeeper's memory of the next tick: while none is due and nobody asks, it asks the database nothing."""

    def __init__(self) -> None:
        self.synchronised = False
        self.next_tick: datetime | None = timezone.now()

    @property
    def next_look(self) -> float:
        """Monotonic. From the clock each time, which may be set, and stands apart after a machine has slept."""
        if self.next_tick is None:
            return math.inf
        return time.monotonic() + (self.next_tick - timezone.now()).total_seconds()

    def ask(self) -> None:
        """Somebody has changed a schedule, or something else: look at once, and again until a look goes well."""
        self.next_tick = timezone.now()

    def look(self, now: datetime) -> None:
        """Enqueue what is due, and learn when the next tick is."""
        self.next_tick = now + PAUSE_AFTER_ERROR  # of a look that fails
        if not self.synchronised:
            synchronise(now)
            self.synchronised = True
        times = [_take_if_due(row, now) for row in _ours()]
        self.next_tick = min((time for time in times if time), default=None)


def synchronise(now: datetime) -> None:
    """Bring the table to what the project's task modules declare. What stays the same keeps its next time."""
    has_errors = any(load_tasks().values())
    declared = schedule.declarations
    with transaction.atomic():
        stored = {row.name: row for row in Schedule.objects.select_for_update()}
        for name, row in stored.items():
            if name in declared:
                _change(row, declared[name], now)
            elif not has_errors:  # else it may stand in a module that does not import, and has been paused
                row.delete()
        new = [_row(each, now) for name, each in declared.items() if name not in stored]
        Schedule.objects.bulk_create(new, ignore_conflicts=True)  # another node may start as well


def _row(declared: schedule.Declaration, now: datetime) -> Schedule:
    when = declared.when
    path = declared.task.module_path
    return Schedule(name=declared.name, task=path, expression=str(when), next_run=when.after(now))


def _change(row: Schedule, declared: schedule.Declaration, now: datetime) -> None:
    new = _row(declared, now)
    if (row.task, row.expression) == (new.task, new.expression):
        return
    if row.expression != new.expression:
        row.next_run = None if row.paused else new.next_run
    row.task, row.expression = new.task, new.expression
    row.save()


def _ours() -> list[Schedule]:
    """Those that will run, without what only other code than this one knows: it may be running beside this one."""
    known = {name: str(declared.when) for name, declared in schedule.declarations.items()}
    if not known:
        return []
    rows = Schedule.objects.filter(next_run__isnull=False)
    return [row for row in rows if known.get(row.name) == row.expression]


def _take_if_due(row: Schedule, now: datetime) -> datetime | None:
    if row.next_run is None:
        return None
    try:
        return _at_latest(row, now) if row.next_run > now else take(row, now)
    except PASSING:  # which concerns all of them
        raise
    except Exception:  # the others are to run
        logger.exception("the schedule %s has failed; once more in %s s", row.name, PAUSE_AFTER_ERROR.total_seconds())
        return now + PAUSE_AFTER_ERROR


def _at_latest(row: Schedule, now: datetime) -> datetime | None:
    """Its next time; it is no later than a tick from now, but where the clock was ahead when it was written.

    By LATE later, as another node, whose clock is a little ahead, may have taken the tick that is due here in a moment.
    """
    latest = schedule.declarations[row.name].when.after(now + LATE)
    if row.next_run is None or row.next_run <= latest:
        return row.next_run
    Schedule.objects.filter(name=row.name, next_run=row.next_run).update(next_run=latest)
    return latest


def take(row: Schedule, now: datetime) -> datetime | None:
    """Enqueue the task of a schedule that was read as due, unless somebody else has; returns its next time."""
    declared = schedule.declarations[row.name]
    following = None if row.paused else declared.when.after(now)
    as_read = {"expression": row.expression, "paused": row.paused, "next_run": row.next_run}
    with transaction.atomic():
        taken = Schedule.objects.filter(name=row.name, **as_read).update(next_run=following, last_run=now)
        if taken:
            declared.enqueue()
    if taken and row.next_run and now - row.next_run > LATE:
        event("schedule_late", logging.WARNING, name=row.name, due=row.next_run.isoformat())
    return following


def run_now(row: Schedule) -> bool:
    """Make a tick due, of a paused schedule as well. False where the schedule is gone."""
    return _set(row, next_run=timezone.now())


def pause(row: Schedule) -> bool:
    """No more ticks until it is resumed. False where it was paused."""
    return not row.paused and _set(row, paused=True, next_run=None)


def resume(row: Schedule) -> bool:
    """Go on with the next tick from now. False where it was not paused."""
    return row.paused and _set(row, paused=False, next_run=parse(row.expression).after(timezone.now()))


def _set(row: Schedule, **fields: object) -> bool:
    with transaction.atomic():
        found = Schedule.objects.filter(name=row.name, paused=row.paused).update(**fields)
        wakeup.wake_housekeepers()
    return bool(found)
