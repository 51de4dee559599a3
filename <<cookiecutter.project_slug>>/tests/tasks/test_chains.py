"""Chains: each task begins once the one before has ended well, and what becomes of those after one that has not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import transaction
from django.tasks import task_backends
from django.utils import timezone

import tasks
from tasks import control
from tasks.errors import AlreadyEnqueued
from tasks.models import TaskRecord
from tasks.table import awaiting, chains, queue
from tasks.table.chains import HELD_BY_CHAIN
from tasks.table.limits import HELD_BY_LIMIT
from tasks.table.recovery import lose, recover
from tasks.testing import run_pending
from tests.tasks.sample_tasks import fail, fail_three_times, never_twice, note, only_one, send, send_at_once

pytestmark = pytest.mark.django_db(transaction=True)

HOLDER = "node/boot/default-1/0"


def claim(name="default"):
    return queue.claim(name, HOLDER)


def record(result):
    return TaskRecord.objects.get(pk=result.id)


def statuses(results):
    return [str(record(result).status) for result in results]


def chain_of(*called):
    with tasks.chain():
        return [task.enqueue() for task in called]


def test_each_begins_when_the_one_before_has_ended_well():
    results = chain_of(note, note, note)
    for number, result in enumerate(results):
        claimed = claim()
        assert str(claimed.id) == result.id
        assert claim() is None
        assert statuses(results)[number + 1 :] == ["READY"] * (2 - number)
        queue.succeed(claimed, None)

    assert statuses(results) == ["SUCCESSFUL"] * 3


def test_a_result_in_the_block_is_a_normal_one_that_nobody_can_claim():
    with tasks.chain():
        result = note.enqueue(1)
        result.refresh()
        assert (result.status, result.args) == ("READY", [1])
        assert claim() is None

    assert claim() is not None


def chain_of_values(*values):
    with tasks.chain():
        return [note.enqueue(value) for value in values]


def test_a_block_that_raises_enqueues_nothing():
    with pytest.raises(TypeError, match="Unsupported type"):
        chain_of_values(1, object())

    assert not TaskRecord.objects.exists()
    assert record(note.enqueue()).chain is None


def test_an_empty_block_is_nothing():
    with tasks.chain():
        pass
    assert not TaskRecord.objects.exists()


def test_where_one_fails_for_good_those_after_it_have_failed(run_one):
    results = chain_of(note, fail, note, note)
    run_one()
    run_one()

    assert statuses(results) == ["SUCCESSFUL", "FAILED", "FAILED", "FAILED"]
    assert record(results[1]).history[-1]["type"] == "builtins.ValueError"
    for result in results[2:]:
        end = record(result).history[-1]
        assert end["type"] == "tasks.errors.ChainBroken"
        assert end["message"] == (
            f"tests.tasks.sample_tasks.fail {results[1].id}, which stands before it in its chain, has failed."
        )
        assert note.get_result(result.id).errors[0].exception_class is tasks.errors.ChainBroken
    assert claim() is None


def test_a_retry_holds_the_chain_and_breaks_nothing(run_one):
    results = chain_of(fail_three_times, note)
    for _ in range(2):
        run_one()
        assert statuses(results) == ["READY", "READY"]
    run_one()

    assert statuses(results) == ["FAILED", "FAILED"]


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_cancelled_one_breaks_the_chain(cancelled):
    results = chain_of(note, note, note)
    control.cancel(record(results[cancelled]))

    assert statuses(results) == ["READY"] * cancelled + ["FAILED"] * (3 - cancelled)
    assert (claim() is None) == (cancelled == 0)


def test_a_death_holds_the_chain_and_the_last_one_breaks_it():
    results = chain_of(note, note)
    claim()
    recover("node", "node/new")
    assert statuses(results) == ["READY", "READY"]
    for _ in range(2):
        lose(claim().id, "It died.")

    assert statuses(results) == ["FAILED", "FAILED"]


def test_what_must_not_run_twice_breaks_it_with_the_first_death():
    results = chain_of(never_twice, note)
    claim()
    recover("node", "node/new")

    assert statuses(results) == ["FAILED", "FAILED"]


@pytest.mark.parametrize("chosen", [1, 2, 3])
def test_whichever_of_a_broken_chain_is_tried_again_it_goes_on_where_it_broke(chosen, run_one):
    results = chain_of(note, fail, note, note)
    run_one()
    run_one()
    assert control.retry(record(results[chosen]))

    assert statuses(results) == ["SUCCESSFUL", "READY", "READY", "READY"]
    claimed = claim()
    assert str(claimed.id) == results[1].id
    assert claim() is None
    queue.succeed(claimed, None)
    assert str(claim().id) == results[2].id


def test_what_is_put_back_behind_one_that_still_runs_waits_for_it():
    results = chain_of(note, note)
    first = claim()
    control.cancel(record(results[1]))
    control.retry(record(results[1]))

    assert claim() is None
    queue.succeed(first, None)
    assert str(claim().id) == results[1].id


def test_a_late_outcome_moves_nothing():
    results = chain_of(note, note)
    late = claim()
    recover("node", "node/new")

    assert not queue.succeed(late, None)
    assert record(results[1]).waits_until == HELD_BY_CHAIN


def test_many_at_once_follow_one_another():
    with tasks.chain():
        many = task_backends["default"].enqueue_many(note, [((number,), {}) for number in range(3)])
        last = note.enqueue(3)
    order = []
    while (claimed := claim()) is not None:
        order.append(str(claimed.id))
        queue.succeed(claimed, None)

    assert order == [*(result.id for result in many), last.id]


def test_its_time_is_heeded_when_its_turn_has_come():
    due = timezone.now() + timedelta(hours=1)
    with tasks.chain():
        note.enqueue()
        later = note.using(run_after=due).enqueue()
    assert queue.promote(due) == {}
    queue.succeed(claim(), None)

    assert (claim(), record(later).waits_until) == (None, due)
    assert queue.promote(due) == {"default": 1}
    assert claim() is not None


def test_a_limit_is_heeded_when_its_turn_has_come():
    for _ in range(2):
        send.enqueue(0)
    smtp = [claim(), claim()]
    with tasks.chain():
        note.enqueue()
        last = send_at_once.enqueue(1)
    queue.succeed(claim(), None)
    assert record(last).waits_until == HELD_BY_LIMIT
    queue.succeed(smtp[0], None)

    assert str(claim("critical").id) == last.id


def test_a_chain_may_begin_with_a_limit():
    with tasks.chain():
        send.enqueue(1)
        send.enqueue(2)
    queue.succeed(claim(), None)

    assert claim() is not None


def test_a_chain_does_not_hold_what_is_there_already():
    only_one.enqueue()
    with pytest.raises(AlreadyEnqueued, match=r"only_one .* is there already"):
        chain_of(note, only_one)

    assert TaskRecord.objects.count() == 1


def test_what_waits_in_a_chain_is_there_for_others():
    with tasks.chain():
        note.enqueue()
        waiting = only_one.enqueue()

    assert only_one.enqueue().id == waiting.id


def test_a_broken_chain_is_not_put_back_beside_another_with_its_key():
    results = chain_of(note, only_one)
    control.cancel(record(results[0]))
    only_one.enqueue()

    assert control.retry(record(results[0])) is False
    assert statuses(results) == ["FAILED", "FAILED"]


def test_a_chain_in_a_chain_is_refused():
    with pytest.raises(RuntimeError, match="inside another"), tasks.chain(), tasks.chain():
        pass
    with tasks.chain():
        note.enqueue()


def test_another_thread_enqueues_outside_of_the_chain():
    with tasks.chain(), ThreadPoolExecutor() as threads:
        assert chains.current.get() is not None
        assert threads.submit(chains.current.get).result() is None


def test_it_comes_with_the_transaction_around_it():
    with transaction.atomic():
        chain_of(note, note)
        transaction.set_rollback(True)
    assert not TaskRecord.objects.exists()


def test_the_next_one_has_a_worker_woken_and_who_waits_is_told(monkeypatch):
    woken, told = [], []
    monkeypatch.setattr("tasks.table.wakeup.wake", lambda queue, number=1, due=None: woken.append(queue))
    monkeypatch.setattr(awaiting, "tell", told.append)
    with tasks.chain():
        note.enqueue()
        note.using(queue_name="critical").enqueue()
        last = note.enqueue()
    assert woken == ["default"]
    queue.succeed(claim(), None)
    assert woken == ["default", "critical"]
    queue.fail(claim("critical"))

    assert [str(each) for each in told] == [last.id]


@pytest.mark.django_db
def test_run_pending_runs_a_chain_in_its_order(calls):
    with tasks.chain():
        for number in range(3):
            note.enqueue(number)

    assert run_pending() == 3
    assert [args for args, _ in calls] == [(0,), (1,), (2,)]
