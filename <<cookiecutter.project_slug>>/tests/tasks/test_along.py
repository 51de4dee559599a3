"""The end of a task and the claim of the next one, in one commit; and whose turn it is to write."""

import itertools

import pytest
from django.db import OperationalError

import tasks
from runtime.shared import descriptors
from runtime.shared.board import Cell
from runtime.shared.plan import WorkerPool
from tasks.models import TaskRecord
from tasks.table import queue
from tasks.worker import write_turns
from tasks.worker.waiting import Waiting
from tests.tasks.sample_tasks import fail, note, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def waiting(seat):
    pool = WorkerPool(name="default", queues=("default",))
    return Waiting(seat, pool, takes_along=True)


def states():
    return [record.status for record in TaskRecord.objects.order_by("id")]


def test_a_good_end_takes_the_next_task_along(waiting, calls):
    for number in range(3):
        note.enqueue(number)

    for left in (["SUCCESSFUL", "RUNNING", "READY"], ["SUCCESSFUL", "SUCCESSFUL", "RUNNING"], ["SUCCESSFUL"] * 3):
        attempt = waiting.next_attempt()
        attempt.run()
        waiting.go_on_after(attempt)
        assert states() == left
    assert waiting.next_attempt() is None
    assert [arguments for arguments, _ in calls] == [(0,), (1,), (2,)]


def test_what_was_enqueued_after_the_last_look_is_found(waiting):
    note.enqueue(1)
    attempt = waiting.next_attempt()
    attempt.run()
    waiting.go_on_after(attempt)
    note.enqueue(2)

    assert waiting.next_attempt() is None  # it has looked already
    waiting.wait()  # returns at once: the descriptor was signalled
    assert waiting.next_attempt() is not None


def test_a_claim_whose_answer_is_lost_is_made_again(waiting, monkeypatch):
    def claim_and_lose(*arguments):
        claim(*arguments)
        raise OperationalError("server closed the connection unexpectedly")

    note.enqueue(1)
    claim = queue.claim
    monkeypatch.setattr("tasks.worker.waiting.DATABASE_PAUSE", 0)
    monkeypatch.setattr(queue, "claim", claim_and_lose)
    with pytest.raises(OperationalError):
        waiting.next_attempt()
    waiting.pause_without_database()
    monkeypatch.setattr(queue, "claim", claim)

    assert states() == ["RUNNING"]
    assert waiting.next_attempt().claimed.attempt == 1


def test_a_failure_takes_none_along(waiting):
    fail.enqueue()
    note.enqueue(1)
    attempt = waiting.next_attempt()
    attempt.run()
    waiting.go_on_after(attempt)

    assert states() == ["FAILED", "READY"]
    assert waiting.next_attempt() is not None


@pytest.mark.parametrize("ends", ["limit", "chain"])
def test_one_for_whose_end_others_wait_takes_none_along_and_lets_them_go(waiting, ends):
    if ends == "limit":
        for number in range(3):
            send.enqueue(number)
    else:
        with tasks.chain():
            for number in range(3):
                note.enqueue(number)
    for number in range(3):
        attempt = waiting.next_attempt()
        attempt.run()
        waiting.go_on_after(attempt)
        assert states() == ["SUCCESSFUL"] * (number + 1) + ["READY"] * (2 - number)
    assert waiting.next_attempt() is None


@pytest.mark.parametrize("how", ["leave", "memory is short"])
def test_who_is_to_begin_no_more_takes_none_along(waiting, seat, how):
    note.enqueue(1)
    note.enqueue(2)
    attempt = waiting.next_attempt()
    if how == "leave":
        descriptors.signal(seat.assignment.stop)
    else:
        seat.row[Cell.HELD] = 1
    attempt.run()

    assert states() == ["SUCCESSFUL", "READY"]


def test_who_leaves_gives_back_what_it_took_along(waiting):
    note.enqueue(1)
    note.enqueue(2)
    attempt = waiting.next_attempt()
    attempt.run()
    waiting.go_on_after(attempt)
    waiting.leave()

    second = TaskRecord.objects.latest("id")
    assert (second.status, second.claim, second.attempt) == ("READY", None, 0)


def test_both_are_written_or_neither(monkeypatch):
    note.enqueue(1)
    note.enqueue(2)
    first = queue.claim("default", "node/boot/default-1/0")
    monkeypatch.setattr(queue, "CLAIM", "UPDATE nowhere SET x = 1")
    with pytest.raises(OperationalError if queue.statements.IS_SQLITE else Exception):
        queue.succeed_and_claim(first, None, ["default"])

    assert states() == ["RUNNING", "READY"]


def test_a_turn_comes_when_the_other_has_written(seat, monkeypatch):
    other, looks = seat.board.seat(1), itertools.count(1)
    other[Cell.WRITING] = 1

    def look():
        other[Cell.WRITING] = next(looks) < 3

    monkeypatch.setattr(write_turns.os, "sched_yield", look)
    with write_turns.turn(seat):
        assert (next(looks), seat.row[Cell.WRITING]) == (4, 1)
    assert seat.row[Cell.WRITING] == 0


def test_whoever_died_while_it_wrote_holds_nobody_up_for_long(seat):
    seat.board.seat(1)[Cell.WRITING] = 1
    with write_turns.turn(seat):
        assert seat.row[Cell.WRITING] == 1
