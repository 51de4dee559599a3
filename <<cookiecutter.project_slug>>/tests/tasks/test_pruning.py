"""Which finished tasks are deleted, when, and that nothing else ever is."""

import os
import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.models import QuerySet
from django.utils import timezone

from runtime.shared import descriptors
from runtime.shared.board import Board
from tasks import control
from tasks.house import pruning
from tasks.house.pruning import LOOK_AFTER, PAUSE, Pruner, prune
from tasks.house.retention import Retention, retention
from tasks.models import TaskRecord
from tasks.signals import tidy_up
from tasks.table import queue
from tests.tasks.sample_tasks import note

NOTHING = Retention(keep_days=None, keep_failed_days=None, keep_tasks=None)


@pytest.fixture
def finished(db):
    """Make tasks that ended so many days ago."""

    def make(*days, status="SUCCESSFUL"):
        for number in days:
            result = note.enqueue(number)
            ended = timezone.now() - timedelta(days=number)
            TaskRecord.objects.filter(pk=result.id).update(status=status, finished_at=ended)

    return make


def left(**fields):
    found = TaskRecord.objects.filter(**fields).order_by("id")
    return [record.arguments["args"][0] for record in found]


def test_failed_tasks_stay_longer(finished):
    finished(13, 15, 59, 61)
    finished(13, 15, 59, 61, status="FAILED")

    assert sum(prune(Retention())) == 4
    assert left(status="SUCCESSFUL") == [13]
    assert left(status="FAILED") == [13, 15, 59]


def test_the_newest_of_each_kind_stay(finished):
    finished(3, 1, 2)
    finished(30, 10, 20, status="FAILED")

    assert sum(prune(Retention(keep_days=None, keep_failed_days=None, keep_tasks=2))) == 2
    assert (left(status="SUCCESSFUL"), left(status="FAILED")) == ([1, 2], [10, 20])


def test_the_stricter_limit_counts(finished):
    finished(1, 2, 3, 4)

    assert sum(prune(Retention(keep_days=3.5, keep_tasks=2))) == 2
    assert sum(prune(Retention(keep_days=1.5, keep_tasks=2))) == 1
    assert left() == [1]


def test_without_limits_nothing_goes(finished):
    finished(1, 1000)

    assert list(prune(NOTHING)) == []


def test_what_waits_or_runs_is_never_pruned(db):
    due = timezone.now() + timedelta(days=1)
    for task in (note, note.using(run_after=due)):
        task.enqueue(1)
    note.using(queue_name="exports").enqueue(2)
    queue.claim("exports", "node/boot/exports-1/0")
    TaskRecord.objects.update(enqueued_at=due - timedelta(days=4000))

    assert list(prune(Retention(keep_days=0, keep_failed_days=0, keep_tasks=0))) == []
    assert TaskRecord.objects.count() == 3


def test_a_task_that_somebody_retries_meanwhile_stays(finished, monkeypatch):
    finished(100, status="FAILED")
    filter = QuerySet.filter

    def retried_before_the_delete(rows, *args, **fields):
        if "pk__in" in fields:
            control.retry(TaskRecord.objects.get())
        return filter(rows, *args, **fields)

    monkeypatch.setattr(QuerySet, "filter", retried_before_the_delete)
    list(prune(Retention()))
    monkeypatch.undo()
    assert left(status="READY") == [100]


def test_it_goes_in_batches_the_oldest_first(finished, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 2)
    finished(30, 50, 40, 20, 60)
    batches = prune(Retention())

    assert next(batches) == 2
    assert left() == [30, 40, 20]
    assert list(batches) == [2, 1]


@pytest.fixture
def tidied():
    """How often apps were asked to tidy up."""
    asked = []

    def note_it(sender, **signal):
        asked.append(sender)

    tidy_up.connect(note_it)
    yield asked
    tidy_up.disconnect(note_it)


@pytest.fixture
def clock(monkeypatch):
    """Monotonic seconds, for the test to set."""
    now = [1000.0]
    monkeypatch.setattr(pruning.time, "monotonic", lambda: now[0])
    return now


def turns(pruner):
    """Until there is nothing to do; how many."""
    number = 1
    while pruner.turn() == PAUSE:
        number += 1
    return number


@pytest.fixture
def pruner():
    return Pruner(Board(("default", "critical"), seats=2))


def test_the_server_prunes_at_its_start_and_every_hour(finished, pruner, clock, tidied):
    finished(100)
    assert turns(pruner) == 2
    assert (left(), len(tidied)) == ([], 1)
    finished(100)
    clock[0] += 3599
    assert turns(pruner) == 1
    assert (left(), len(tidied)) == ([100], 1)
    clock[0] += 1
    turns(pruner)
    assert (left(), len(tidied)) == ([], 2)


def test_between_two_times_it_asks_the_database_nothing(db, pruner, clock, django_assert_num_queries):
    turns(pruner)
    pruner.board.count_outcome(0, "default", "successful", number=9_999)
    with django_assert_num_queries(0):
        assert pruner.turn() == LOOK_AFTER


def test_many_ended_tasks_are_reason_enough_once(finished, pruner, clock, tidied):
    turns(pruner)
    finished(100)
    pruner.board.count_outcome(0, "default", "successful", number=5_000)
    pruner.board.count_outcome(1, "critical", "failed", number=5_000)
    turns(pruner)

    assert (left(), len(tidied)) == ([], 1)
    finished(100)
    turns(pruner)
    assert left() == [100]


def test_after_an_error_it_starts_again(finished, pruner, clock, tidied, monkeypatch):
    finished(100)
    with monkeypatch.context() as patch:
        patch.setattr(pruning, "_delete_oldest", lambda *_: raise_locked())
        with pytest.raises(OperationalError):
            pruner.turn()
    turns(pruner)

    assert (left(), len(tidied)) == ([], 1)


def raise_locked():
    raise OperationalError("database is locked")


@pytest.mark.django_db(transaction=True)
def test_the_thread_leaves_when_its_interpreter_does(pruner):
    stop, done = descriptors.event(), threading.Event()

    def tell(sender, **signal):
        done.set()

    tidy_up.connect(tell)
    thread = threading.Thread(target=pruning._run, args=(stop, pruner))
    thread.start()
    try:
        assert done.wait(10)
    finally:
        descriptors.signal(stop)
        thread.join(10)
        tidy_up.disconnect(tell)
        os.close(stop)
    assert not thread.is_alive()


def test_an_app_that_cannot_tidy_up_stops_nothing(db, pruner, clock, tidied, caplog):
    def broken(sender, **signal):
        raise ValueError("no such folder")

    tidy_up.connect(broken)
    try:
        assert turns(pruner) == 1
    finally:
        tidy_up.disconnect(broken)
    assert len(tidied) == 1
    assert "no such folder" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((), [1, 13]), (("--days", "2"), [1]), (("--keep", "1"), [1]), (("--days", "0"), []), (("--keep", "0"), [])],
)
def test_the_command(finished, tidied, capsys, arguments, expected):
    finished(1, 13, 15)
    finished(61, status="FAILED")
    call_command("prune_tasks", *arguments)

    assert left() == expected
    assert capsys.readouterr().out == f"{4 - len(expected)} tasks deleted.\n"
    assert len(tidied) == 1


@pytest.mark.parametrize("arguments", [("--days", "-1"), ("--days", "40000"), ("--keep", "-1"), ("--keep", "1.5")])
def test_the_command_refuses_what_makes_no_sense(arguments):
    with pytest.raises(CommandError, match=arguments[0]):
        call_command("prune_tasks", *arguments)


def options(**options):
    return {"default": {"BACKEND": "tasks.backends.DurableBackend", "OPTIONS": options}}


def test_the_settings_say_what_is_kept():
    assert retention(options(keep_days=0.5, keep_failed_days=None, keep_tasks=0)) == Retention(
        keep_days=0.5, keep_failed_days=None, keep_tasks=0
    )
    assert retention({"default": {"BACKEND": "tasks.backends.DurableBackend"}}) == Retention()
    assert retention({"other": {"BACKEND": "django.tasks.backends.dummy.DummyBackend", "OPTIONS": {"x": 1}}})


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("keep_day", 1, "no such option; there are keep_days, keep_failed_days, keep_tasks."),
        ("keep_days", "14", "['keep_days']='14': allowed is a number of days from 0 to 36500, or None for no limit."),
        ("keep_days", -1, "=-1: allowed"),
        ("keep_failed_days", True, "=True: allowed"),
        ("keep_failed_days", 36_501, "=36501: allowed"),
        ("keep_tasks", 1.5, "=1.5: allowed is a whole number, 0 or more, or None for no limit."),
        ("keep_tasks", -1, "=-1: allowed"),
        ("keep_tasks", True, "=True: allowed"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(option, value, named):
    with pytest.raises(ImproperlyConfigured) as error:
        retention(options(**{option: value}))

    message = str(error.value)
    assert message.startswith(f'TASKS["default"]["OPTIONS"]["{option}"]')
    assert named.replace("'keep_days'", '"keep_days"') in message
