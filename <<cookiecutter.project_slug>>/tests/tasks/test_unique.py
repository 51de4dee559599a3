"""Unique tasks: one with the same key at a time, whoever enqueues it and however."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.tasks import task, task_backends
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued
from django.utils import timezone

from tasks import control
from tasks.models import TaskRecord
from tasks.table import queue
from tasks.table.recovery import recover
from tests.tasks.sample_tasks import fail, give_no_key, import_shop, note, only_one

pytestmark = pytest.mark.django_db

HOLDER = "node/boot/default-1/0"


def test_while_one_waits_or_runs_enqueue_returns_it(run_one):
    first = only_one.enqueue(1)
    assert only_one.enqueue(2).id == first.id
    claimed = queue.claim("default", HOLDER)
    running = only_one.enqueue(3)

    assert (running.id, running.status, running.args) == (first.id, "RUNNING", [1])
    queue.succeed(claimed, None)
    assert only_one.enqueue(4).id != first.id
    assert TaskRecord.objects.count() == 2


def test_the_key_may_come_from_the_arguments():
    ids = [import_shop.enqueue(shop, full=True).id for shop in ("a", "b", "a")]

    assert ids[0] == ids[2] != ids[1]


def test_a_key_is_one_of_a_task_and_not_of_all():
    namesake = task(unique="the only one")(note.func)

    assert namesake.enqueue().id != only_one.enqueue().id


def test_of_many_each_gets_the_result_that_stands_for_it():
    there = import_shop.enqueue("b")
    calls = [((shop,), {}) for shop in ("a", "b", "c", "a")]
    results = task_backends["default"].enqueue_many(import_shop, calls)

    assert [result.args[0] for result in results] == ["a", "b", "c", "a"]
    assert results[1].id == there.id
    assert results[0].id == results[3].id
    assert TaskRecord.objects.count() == 3


def test_the_asynchronous_half_does_the_same():
    async def enqueue_twice():
        return (await only_one.aenqueue()).id, (await only_one.aenqueue()).id

    first, second = async_to_sync(enqueue_twice)()
    assert first == second


def test_only_what_was_enqueued_is_told():
    told = []
    receiver = lambda task_result, **_: told.append(task_result.id)  # noqa: E731
    task_enqueued.connect(receiver)
    first = only_one.enqueue()
    only_one.enqueue()

    assert told == [first.id]


def test_it_holds_while_a_retry_waits_and_after_a_death(run_one):
    first = only_one.enqueue(-1)
    assert run_one().status == "READY"
    assert only_one.enqueue().id == first.id
    queue.promote(timezone.now() + timedelta(hours=1))
    queue.claim("default", HOLDER)
    recover("node", "node/new")

    assert TaskRecord.objects.get().status == "READY"
    assert only_one.enqueue().id == first.id


def test_it_ends_with_a_cancel():
    first = only_one.enqueue()
    control.cancel(TaskRecord.objects.get())

    assert only_one.enqueue().id != first.id


def test_a_failed_one_is_not_tried_again_beside_another():
    first = only_one.enqueue()
    control.cancel(TaskRecord.objects.get())
    only_one.enqueue()

    assert control.retry(TaskRecord.objects.get(pk=first.id)) is False
    assert TaskRecord.objects.get(pk=first.id).status == "FAILED"


def test_what_is_rolled_back_has_never_been_there():
    with transaction.atomic():
        gone = only_one.enqueue()
        transaction.set_rollback(True)
    result = only_one.enqueue()

    assert result.id != gone.id
    assert TaskRecord.objects.get().status == "READY"


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_enqueued():
    together = Barrier(4, timeout=60)

    def enqueue(rounds):
        try:
            ids = []
            for number in range(rounds):
                together.wait()
                ids.append(import_shop.enqueue(f"{number}").id)
            return ids
        finally:
            connection.close()

    with ThreadPoolExecutor() as threads:
        first, *others = threads.map(enqueue, [30] * 4)

    assert others == [first] * 3
    assert TaskRecord.objects.count() == 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_who_comes_while_the_other_is_not_committed_waits_for_its_end(end):
    is_there, may_end, found = threading.Event(), threading.Event(), []

    def in_a_transaction():
        with transaction.atomic():
            found.append(only_one.enqueue().id)
            is_there.set()
            may_end.wait(60)
            transaction.set_rollback(end == "rollback")
        connection.close()

    def at_once():
        found.append(only_one.enqueue().id)
        connection.close()

    first, second = threading.Thread(target=in_a_transaction), threading.Thread(target=at_once)
    first.start()
    assert is_there.wait(60)
    second.start()
    wait_until_one_waits_for_another()
    may_end.set()
    first.join()
    second.join()

    assert (found[0] == found[1]) == (end == "commit")
    assert str(TaskRecord.objects.get().pk) == found[1]


def wait_until_one_waits_for_another():
    """SQLite does not tell; there it is the write lock that the second one waits for."""
    while connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return


@pytest.mark.django_db(transaction=True)
def test_two_that_enqueue_many_in_opposite_order_do_not_wait_for_each_other():
    together = Barrier(2, timeout=60)

    def enqueue(order):
        try:
            for number in range(20):
                calls = [((f"{number} {shop}",), {}) for shop in range(20)][::order]
                together.wait()
                task_backends["default"].enqueue_many(import_shop, calls)
        finally:
            connection.close()

    with ThreadPoolExecutor() as threads:
        list(threads.map(enqueue, [1, -1]))

    assert TaskRecord.objects.count() == 400


@pytest.mark.parametrize("key", [True, 3, "", "x" * 201, ["a"]])
def test_a_wrong_key_is_refused_where_the_task_is_declared(key):
    with pytest.raises(InvalidTask, match="unique must be a key"):
        task(unique=key)(note.func)


@pytest.mark.parametrize("key", [None, 3, "", "x" * 201])
def test_a_callable_that_gives_no_key_is_an_error_of_the_call(key):
    with pytest.raises(InvalidTask, match="The callable of unique must give a key"):
        give_no_key.enqueue(key)
    assert not TaskRecord.objects.exists()


def test_a_task_without_a_key_costs_the_table_nothing_more(django_assert_num_queries):
    with django_assert_num_queries(0):  # statements.py goes past what counts them: nothing goes another way
        fail.enqueue()
