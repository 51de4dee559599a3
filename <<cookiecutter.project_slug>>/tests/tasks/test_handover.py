"""A task that is enqueued while a worker sleeps is given to it; nothing that goes wrong on the way loses one."""

import contextlib
import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from runtime.shared import processors
from runtime.shared.board import Cell
from tasks.backends import DurableBackend
from tasks.models import TaskRecord
from tasks.table import handover, queue
from tasks.table.queue import insert_claimed
from tasks.worker import mailbox
from tasks.worker.attempt import Attempt
from tasks.worker.mailbox import Mailbox
from tasks.worker.waiting import Waiting
from tests.tasks.sample_tasks import note, only_one

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def box(seat):
    return Mailbox(seat, partial(Attempt, seat=seat))


def record(result) -> TaskRecord:
    return TaskRecord.objects.get(pk=result.id)


def test_a_sleeping_worker_is_given_the_task(seat, box, calls):
    box.offer()
    result = note.enqueue(1, two=[2])

    assert (record(result).status, record(result).claim) == ("RUNNING", seat.assignment.claim)
    attempt = box.collect()
    assert attempt.run() == "successful"
    assert (record(result).status, record(result).attempt, len(calls)) == ("SUCCESSFUL", 1, 1)
    assert result.status == "READY"  # as Django's API has it


@pytest.fixture
def asleep(seat, box):
    """A worker that sleeps on its mailbox, as far as others can see."""
    seat.row[Cell.THREAD] = threading.get_native_id()
    box.offer()
    yield box
    processors.use_any()


def test_who_enqueues_wakes_the_worker_first(asleep, monkeypatch):
    letters = []
    monkeypatch.setattr(handover, "hand_over", lambda task: False)
    monkeypatch.setattr(DurableBackend, "validate_task", lambda *_: letters.append(mailbox.read(asleep.box)))
    note.enqueue(1)

    assert letters == [handover.ALERT]


def test_an_alert_that_no_task_follows_costs_a_look(asleep, monkeypatch):
    monkeypatch.setattr(mailbox, "LOOK_AT_FIRST", 0.0)
    handover.alert("default")
    assert asleep.collect() is None

    assert record(note.enqueue(1)).status == "READY"  # the offer was taken back
    asleep.offer()
    result = note.enqueue(2)
    assert str(asleep.collect().claimed.id) == result.id


def test_an_alert_between_the_letters_is_passed_over(asleep):
    handover.alert("default")
    result = note.enqueue(1)
    handover.alert("default")

    assert str(asleep.collect().claimed.id) == result.id


@pytest.mark.parametrize("reason", ["transaction", "paused", "awake"])
def test_nobody_is_woken_for_what_cannot_be_handed_over(asleep, reason, monkeypatch):
    if reason == "paused":
        monkeypatch.setattr(handover.wakeup, "is_paused", lambda queue: True)
    if reason == "awake":
        asleep.collect()
    with transaction.atomic() if reason == "transaction" else contextlib.nullcontext():
        handover.alert("default")

    assert mailbox.read(asleep.box) == b""


def test_it_is_given_one_task_only(box):
    box.offer()
    first, second = note.enqueue(1), note.enqueue(2)

    assert [record(first).status, record(second).status] == ["RUNNING", "READY"]
    assert str(box.collect().claimed.id) == first.id


def test_an_offer_that_was_withdrawn_is_not_taken(box):
    box.offer()
    assert box.collect() is None
    assert record(note.enqueue(1)).status == "READY"


def test_nobody_is_given_what_another_pool_runs_or_what_must_wait(box):
    box.offer()
    others = [
        note.using(queue_name="critical").enqueue(1),
        note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1),
        note.enqueue("x" * 100_000),
        only_one.enqueue(),
    ]
    with transaction.atomic():
        others.append(note.enqueue(1))

    assert {record(other).status for other in others} == {"READY"}


def test_a_busy_worker_is_given_nothing(seat, box):
    box.offer()
    seat.busy()
    assert record(note.enqueue(1)).status == "READY"


def test_an_insert_that_fails_leaves_the_worker_as_it_was(box, monkeypatch):
    box.offer()
    assert breaks(monkeypatch, "insert_claimed", fail, lambda: note.enqueue(1))

    assert box.collect() is None
    box.offer()
    assert record(note.enqueue(2)).status == "RUNNING"


def breaks(monkeypatch, name, broken, act) -> bool:
    """Whether `act` raises a database error while a function of the queue is broken."""
    with monkeypatch.context() as patch:
        patch.setattr(queue, name, broken)
        try:
            act()
        except OperationalError:
            return True
    return False


def fail(*_) -> None:
    raise OperationalError


def insert_and_fail(*arguments) -> None:
    insert_claimed(*arguments)
    raise OperationalError


def test_an_insert_that_fails_after_it_was_carried_out_is_found(box, monkeypatch):
    box.offer()
    assert breaks(monkeypatch, "insert_claimed", insert_and_fail, lambda: note.enqueue(1))

    assert box.collect().claimed.id == TaskRecord.objects.get().pk


def test_the_look_for_it_is_repeated_when_the_database_is_away(box, monkeypatch):
    box.offer()
    assert breaks(monkeypatch, "insert_claimed", insert_and_fail, lambda: note.enqueue(1))
    assert breaks(monkeypatch, "held", fail, box.collect)

    assert box.collect().claimed.id == TaskRecord.objects.get().pk


@pytest.fixture
def slow_insert(monkeypatch):
    """An enqueue in another thread whose insert waits for `go`."""
    begun, go = threading.Event(), threading.Event()

    def insert(*arguments):
        begun.set()
        assert go.wait(10)
        return insert_claimed(*arguments)

    monkeypatch.setattr(queue, "insert_claimed", insert)
    thread = threading.Thread(target=enqueue)
    yield thread, begun, go
    go.set()
    thread.join()


def enqueue() -> None:
    note.enqueue(1)
    connection.close()


@pytest.fixture
def late_insert(box, slow_insert, monkeypatch):
    """The worker's offer was taken for an insert that comes later than it waits; `go` lets it come."""
    thread, begun, go = slow_insert
    monkeypatch.setattr(mailbox, "LONGEST_INSERT", 0.01)
    box.offer()
    thread.start()
    assert begun.wait(10)
    return thread, go


def test_the_worker_waits_for_the_insert(box, slow_insert):
    thread, begun, go = slow_insert
    box.offer()
    thread.start()
    assert begun.wait(10)
    threading.Timer(0.05, go.set).start()

    attempt = box.collect()
    assert attempt.claimed.id == TaskRecord.objects.get(status="RUNNING").pk


def test_but_not_for_long_and_takes_it_when_it_comes(box, late_insert):
    thread, go = late_insert
    assert box.collect() is None
    box.offer()  # no second one
    assert record(note.enqueue(2)).status == "READY"
    go.set()
    thread.join()
    assert box.collect().claimed.id == TaskRecord.objects.get(status="RUNNING").pk


def test_a_worker_that_leaves_gives_back_what_it_was_given(box):
    box.offer()
    result = note.enqueue(1)
    box.leave()

    assert (record(result).status, record(result).attempt, record(result).claim) == ("READY", 0, None)


def test_a_worker_that_leaves_waits_for_a_long_insert(box, late_insert):
    thread, go = late_insert
    threading.Timer(0.2, go.set).start()
    box.leave()
    thread.join()

    assert TaskRecord.objects.get().status == "READY"


def test_it_gives_it_back_when_the_database_is_there_again(box, monkeypatch):
    box.offer()
    result = note.enqueue(1)
    release, left = queue.release, [OperationalError("database is locked")]
    monkeypatch.setattr(queue, "release", lambda task: fail() if left and left.pop() else release(task))
    box.leave()

    assert (left, record(result).status, record(result).attempt) == ([], "READY", 0)


def test_letters_for_who_sat_there_before_are_not_opened(seat, box):
    box.offer()
    note.enqueue(1)
    successor = Mailbox(seat, partial(Attempt, seat=seat))

    assert successor.collect() is None
    successor.offer()
    assert successor.collect() is None


def test_nobody_is_given_a_task_who_may_not_begin_one_for_want_of_memory(seat, box):
    box.offer()
    seat.row[Cell.HELD] = 1

    assert record(note.enqueue(1)).status == "READY"


def test_who_may_not_begin_one_claims_none_and_leaves_the_signal_to_others(seat):
    waiting = Waiting(seat, seat.assignment.plan.workers[1])
    result = note.enqueue(1)
    seat.row[Cell.HELD] = 1
    assert waiting.claim() is None
    waiting.wait()

    seat.row[Cell.HELD] = 0
    assert str(waiting.claim().claimed.id) == result.id
