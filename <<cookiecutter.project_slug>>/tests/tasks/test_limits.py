"""Limits: how many with the same key run at once, who is next, and that no place is ever lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.tasks import task, task_backends
from django.tasks.exceptions import InvalidTask
from django.utils import timezone

from tasks import control
from tasks.models import TaskRecord
from tasks.table import limits, queue
from tasks.table.handover import hand_over
from tasks.table.limits import HELD_BY_LIMIT
from tasks.table.recovery import lose, recover, release, take_back
from tasks.table.rows import NewTask
from tasks.testing import run_pending
from tests.tasks.sample_tasks import fetch, give_no_key, note, send, send_again_later, send_at_most_once, send_at_once

pytestmark = pytest.mark.django_db(transaction=True)

HOLDER = "node/boot/default-1/0"


def claim(name="default", boot="node/boot"):
    return queue.claim(name, f"{boot}/default-1/0")


def claim_all(name="default"):
    found = []
    while (claimed := claim(name)) is not None:
        found.append(claimed)
    return found


def values(claimed):
    return [each.arguments["args"][0] for each in claimed]


def record(result):
    return TaskRecord.objects.get(pk=result.id)


def test_no_more_than_the_number_can_be_claimed_over_all_tasks_and_queues():
    results = [send.enqueue(1), send_at_once.enqueue(2), send.enqueue(3)]
    running = claim_all() + claim_all("critical")

    assert values(running) == [1, 2]
    assert results[2].status == "READY"
    assert record(results[2]).waits_until == HELD_BY_LIMIT


def test_who_ends_lets_the_next_one_in():
    for number in range(4):
        send.enqueue(number)
    one, other = claim_all()
    queue.succeed(one, None)
    assert values(claim_all()) == [2]
    queue.fail(other)

    assert values(claim_all()) == [3]


def test_each_key_has_its_own_places():
    for host, path in (("a", "/1"), ("a", "/2"), ("b", "/1")):
        fetch.enqueue(host, path)

    assert values(claim_all()) == ["a", "b"]


def test_of_those_in_line_the_highest_priority_comes_first_then_the_oldest():
    running = [send.enqueue(0), send.enqueue(0)] and claim_all()
    for number, priority in enumerate([0, 5, -5, 5], start=1):
        send.using(priority=priority).enqueue(number)
    came = []
    for _ in range(4):
        queue.succeed(running.pop(0), None)
        running += claim_all()
        came.append(values(running)[-1])

    assert came == [2, 4, 1, 3]


def test_where_numbers_differ_each_is_kept_to_and_nobody_overtakes():
    wide = task(limit=("smtp", 3))(send.func)
    for number, each in enumerate((send, send, send, wide, wide, wide)):
        each.enqueue(number)
    running, seen = claim_all(), []
    while running:
        seen.append(values(running))
        queue.succeed(running.pop(0), None)
        running += claim_all()

    assert seen == [[0, 1], [1, 2], [2, 3], [3, 4, 5], [4, 5], [5]]


def test_enqueued_with_others_as_many_get_in_as_there_are_places():
    task_backends["default"].enqueue_many(send, [((number,), {}) for number in range(5)])

    assert values(claim_all()) == [0, 1]


def test_a_task_for_later_takes_a_place_when_it_is_due():
    due = timezone.now() + timedelta(hours=1)
    later = send.using(run_after=due, priority=9).enqueue(1)
    send.enqueue(2)
    running = [*claim_all(), send.enqueue(3) and claim()]

    assert values(running) == [2, 3]
    assert queue.promote(due) == {}
    assert record(later).waits_until == HELD_BY_LIMIT
    queue.succeed(running[0], None)
    assert values(claim_all()) == [1]


def test_a_retry_that_waits_gives_its_place_up_and_gets_in_line_again(run_one):
    failed = send_again_later.enqueue()
    send.enqueue(1)
    third = send.enqueue(2)
    assert record(third).waits_until == HELD_BY_LIMIT
    run_one()

    assert record(third).waits_until is None
    assert record(failed).status == "READY"
    queue.promote(timezone.now() + timedelta(hours=1))
    assert record(failed).waits_until == HELD_BY_LIMIT


def test_a_retry_at_once_and_what_is_given_back_keep_their_place():
    for number in range(3):
        send.enqueue(number)
    one, other = claim_all()
    queue.retry(one, timedelta(0))
    queue.release(other)

    assert values(claim_all()) == [0, 1]


def test_what_waits_at_the_gate_gives_its_place_up():
    for number in range(3):
        send.enqueue(number)
    queue.defer(claim(), 60)

    assert values(claim_all()) == [1, 2]


def test_a_cancelled_one_gives_its_place_up():
    results = [send.enqueue(number) for number in range(3)]
    control.cancel(record(results[0]))

    assert values(claim_all()) == [1, 2]


def test_one_that_is_tried_again_gets_in_line():
    results = [send.enqueue(number) for number in range(3)]
    control.cancel(record(results[0]))
    assert control.retry(record(results[0]))
    running = claim_all()

    assert values(running) == [1, 2]
    queue.succeed(running[0], None)
    assert values(claim_all()) == [0]


def test_a_death_costs_no_place():
    for number in range(3):
        send.enqueue(number)
    claim_all()
    recover("node", "node/new")
    assert values(claim_all()) == [0, 1]
    assert release("node/boot") == 2
    claimed = claim_all()
    for _ in range(2):
        lose(claimed[0].id, "It died.")  # the second and third death of this task
        claim_all()

    assert TaskRecord.objects.get(pk=claimed[0].id).status == "FAILED"
    assert TaskRecord.objects.filter(status="RUNNING").count() == 2


@pytest.mark.parametrize("free", [lambda: recover("node", "node/new"), lambda: take_back("node/boot")])
def test_a_process_that_dies_with_one_that_may_not_run_again_lets_the_next_one_in(free):
    results = [send_at_most_once.enqueue(), send_at_most_once.enqueue(), send.enqueue(3)]
    claim_all()
    assert record(results[2]).waits_until == HELD_BY_LIMIT
    free()

    assert [record(result).status for result in results] == ["FAILED", "FAILED", "READY"]
    assert values(claim_all()) == [3]


def test_one_is_admitted_with_the_commit_and_nobody_waits_for_a_long_transaction():
    send.enqueue(1)
    running = claim()
    with transaction.atomic():
        second = send.enqueue(2)
        assert record(second).waits_until == HELD_BY_LIMIT
        if connection.vendor == "postgresql":  # SQLite has but one writer
            with ThreadPoolExecutor() as threads:
                assert threads.submit(closing(lambda: queue.succeed(running, None))).result(60)

    assert record(second).waits_until is None


def test_a_rollback_takes_no_place():
    with transaction.atomic():
        for number in range(3):
            send.enqueue(number)
        transaction.set_rollback(True)
    send.enqueue(4)

    assert values(claim_all()) == [4]


def test_what_died_between_commit_and_admission_is_found():
    send.enqueue(0)
    fetch.enqueue("a", "/1")
    note.enqueue()
    TaskRecord.objects.exclude(limit_key=None).update(waits_until=HELD_BY_LIMIT)
    assert len(claim_all()) == 1
    limits.admit_all()

    assert values(claim_all()) == [0, "a"]


def test_an_error_of_the_admission_is_none_of_enqueue(monkeypatch, caplog):
    with monkeypatch.context() as patch:
        patch.setattr(limits, "lock", lambda what: 1 / 0)
        result = send.enqueue(1)
    assert "ZeroDivisionError" in caplog.text
    assert record(result).waits_until == HELD_BY_LIMIT
    limits.admit_all()

    assert claim() is not None


def test_who_is_admitted_has_a_worker_woken(monkeypatch):
    woken = []
    monkeypatch.setattr("tasks.table.wakeup.wake", lambda queue, number=1, due=None: woken.append((queue, number)))
    for each in (send, send_at_once, send_at_once):
        each.enqueue(0)
    assert woken == [("default", 1), ("critical", 1)]
    queue.succeed(claim(), None)

    assert woken[2:] == [("critical", 1)]


def test_such_a_task_is_never_handed_over():
    fields = {"task": "", "backend": "", "queue": "", "priority": 0, "arguments": {}, "run_after": None}
    new = NewTask(**fields, fail_if_lost=False, limit_key="smtp", limit_number=2)

    assert new.waits_until == HELD_BY_LIMIT
    assert hand_over(new) is False


@pytest.mark.django_db
def test_run_pending_heeds_limits_in_a_test_that_commits_nothing(calls):
    for number in range(5):
        send.enqueue(number)

    assert run_pending() == 5
    assert calls == [0, 1, 2, 3, 4]


def test_whatever_comes_together_no_place_is_lost_or_given_twice():
    """Four threads enqueue, claim and end, without the net below."""
    together, most, number = Barrier(4, timeout=60), [], 25

    def work(thread):
        together.wait()
        for each in range(number):
            send.enqueue(each)
            if (claimed := claim(boot=f"node/{thread}")) is not None:
                most.append(TaskRecord.objects.filter(status="RUNNING").count())
                queue.succeed(claimed, None) if each % 3 else queue.retry(claimed, timedelta(0))

    def drain(thread):
        while (claimed := claim(boot=f"node/{thread}")) is not None:
            most.append(TaskRecord.objects.filter(status="RUNNING").count())
            queue.succeed(claimed, None)

    with ThreadPoolExecutor() as threads:
        list(threads.map(closing(work), range(4)))
        list(threads.map(closing(drain), range(4)))
    drain(0)

    assert max(most) == 2
    assert set(TaskRecord.objects.values_list("status", flat=True)) == {"SUCCESSFUL"}
    assert TaskRecord.objects.count() == 4 * number


def test_two_that_free_places_under_the_same_keys_do_not_wait_for_each_other():
    together, hosts = Barrier(2, timeout=60), [f"{number}" for number in range(10)]

    def free(order):
        for _ in range(30):
            together.wait()
            limits.admit(hosts[::order])

    with ThreadPoolExecutor() as threads:
        list(threads.map(closing(free), [1, -1]))
    fetch.enqueue("0", "/")

    assert claim() is not None


def closing(function):
    def run(*args):
        try:
            return function(*args)
        finally:
            connection.close()

    return run


@pytest.mark.parametrize(
    "limit", ["smtp", ("smtp",), ("smtp", 0), ("smtp", True), ("smtp", "2"), ("", 2), (None, 2), ("smtp", 40_000), 3]
)
def test_a_wrong_limit_is_refused_where_the_task_is_declared(limit):
    with pytest.raises(InvalidTask, match=r'as in limit=\("smtp", 3\)'):
        task(limit=limit)(note.func)


def test_a_limit_may_be_a_list_and_the_task_can_still_be_hashed():
    assert task(limit=["smtp", 2])(note.func).limit == ("smtp", 2)
    assert hash(task(limit=["smtp", 2])(note.func))


def test_a_callable_that_gives_no_key_is_an_error_of_the_call():
    with pytest.raises(InvalidTask, match="must give a key"):
        give_no_key.enqueue(None)
