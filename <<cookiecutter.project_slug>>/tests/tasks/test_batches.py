"""A batch: what belongs to it, and that its callback is enqueued once, whatever becomes of its tasks."""

import asyncio
import contextlib
import io
import threading
import uuid
from contextvars import copy_context
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.core.management import call_command
from django.db import connection, transaction
from django.tasks import task, task_backends
from django.tasks.exceptions import InvalidTask
from django.utils import timezone

import tasks
from tasks import control, queues
from tasks.house.pruning import prune
from tasks.house.retention import Retention
from tasks.models import BatchRecord, TaskRecord
from tasks.table import conditions, queue, tally
from tasks.table.recovery import MOST_DEATHS, recover
from tasks.testing import run_pending
from tasks.worker.attempt import Attempt
from tests.tasks.sample_tasks import (
    fail,
    fail_three_times,
    never_twice,
    note,
    only_one,
    report,
    report_in_one,
    report_with_context,
)

HOLDER = "node/boot/default-1/0"

pytestmark = pytest.mark.django_db


def claim(holder=HOLDER):
    return queue.claim("default", holder)


def callbacks():
    """What the callbacks that were enqueued are called with."""
    paths = [each.module_path for each in (report, report_in_one, report_with_context)]
    found = TaskRecord.objects.filter(task__in=paths).order_by("id")
    return [(each.arguments["args"], each.arguments["kwargs"]) for each in found]


def batch_of(number, enqueue=note.enqueue):
    with tasks.batch(then=report) as batch:
        for _ in range(number):
            enqueue()
    return batch.id


def counts(batch, successful, failed):
    return [([], {"batch": batch, "successful": successful, "failed": failed})]


def test_the_callback_comes_after_the_last_task_with_the_counts(calls):
    with tasks.batch(then=report) as batch:
        note.enqueue(1)
        fail.enqueue()
        note.using(queue_name="exports").enqueue(2)
    assert callbacks() == []

    assert run_pending() == 4
    assert calls[-1] == (batch.id, 2, 1)
    assert uuid.UUID(batch.id)


def test_it_is_called_as_its_signature_wants_it(calls):
    for then in (report_in_one, report_with_context):
        with tasks.batch(then=then) as batch:
            note.enqueue()
        run_pending()
        expected = {"batch": batch.id, "successful": 1, "failed": 0}
        assert calls.pop() in (expected, (1, *expected.values()))


@task
def takes_nothing() -> None: ...


@task
def takes_more(batch: str, successful: int, failed: int, more: int) -> None: ...


@task
def takes_other_names(one: str, two: int) -> None: ...


@task
def takes_anything(*args: object, **kwargs: object) -> None: ...


@task
def takes_one_by_the_name_of_batch(batch: object) -> None: ...


@pytest.mark.parametrize("then", [takes_nothing, takes_more, takes_other_names, print, takes_nothing.func])
def test_a_callback_that_does_not_fit_is_refused_before_anything_is_enqueued(then):
    with pytest.raises(InvalidTask):
        tasks.batch(then=then)


@pytest.mark.parametrize(("then", "by_name"), [(takes_anything, True), (takes_one_by_the_name_of_batch, False)])
def test_names_are_preferred_where_all_three_are_taken(then, by_name):
    assert tasks.batch(then=then).callback["by_name"] == by_name


@task(unique="report")
def takes_all_and_is_unique(batch: str, successful: int, failed: int) -> None: ...


@task(limit=(lambda batch, **counts: batch, 1))
def takes_all_with_a_limit_of_its_own(batch: str, successful: int, failed: int) -> None: ...


@task(limit=("reports", 1))
def takes_all_with_a_limit(batch: str, successful: int, failed: int) -> None: ...


@pytest.mark.parametrize("then", [takes_all_and_is_unique, takes_all_with_a_limit_of_its_own])
def test_a_callback_with_a_key_of_what_is_not_known_yet_is_refused(then):
    with pytest.raises(InvalidTask, match="fixed key"):
        tasks.batch(then=then)


@pytest.mark.django_db(transaction=True)
def test_a_callback_with_a_limit_keeps_to_it():
    for _ in range(2):
        with tasks.batch(then=takes_all_with_a_limit):
            pass
    first = claim()

    assert first.limit_key == "reports"
    assert claim() is None
    queue.succeed(first, None)
    assert claim() is not None


def test_what_is_there_already_is_not_of_the_batch():
    only_one.enqueue()
    with tasks.batch(then=report):
        only_one.enqueue()

    assert BatchRecord.objects.get().total == 0


@pytest.mark.django_db(transaction=True)
def test_a_chain_in_a_batch_that_breaks_has_failed_as_a_whole(run_one):
    with tasks.batch(then=report) as batch, tasks.chain():
        note.enqueue()
        fail.enqueue()
        note.enqueue()
    run_one()
    assert callbacks() == []
    run_one()
    assert callbacks() == counts(batch.id, 1, 2)


@pytest.mark.django_db(transaction=True)
def test_a_chain_that_is_tried_again_before_the_batch_is_done_counts_once():
    with tasks.batch(then=report) as batch:
        note.enqueue()
        with tasks.chain():
            fail.enqueue()
            note.enqueue()
    other, first = claim(), claim()
    queue.fail(first)
    assert BatchRecord.objects.get().failed == 2
    control.retry(TaskRecord.objects.get(pk=first.id))
    assert BatchRecord.objects.get().failed == 0
    for _ in range(2):
        queue.succeed(claim(), None)
    assert callbacks() == []
    queue.succeed(other, None)

    assert callbacks() == counts(batch.id, 3, 0)


def test_a_callback_of_another_backend_is_refused(settings):
    settings.TASKS = settings.TASKS | {"other": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}
    with pytest.raises(InvalidTask, match="durable"):
        tasks.batch(then=takes_anything.using(backend="other"))


def test_the_callback_keeps_its_options():
    due = timezone.now() + timedelta(hours=1)
    with tasks.batch(then=report_in_one.using(priority=3, run_after=due)):
        pass
    record = TaskRecord.objects.get()

    assert (record.queue, record.priority, record.fail_if_lost) == ("exports", 3, True)
    assert record.run_after == record.waits_until == due


def test_an_empty_batch_is_done_at_once():
    assert callbacks() == []
    batch = batch_of(0)

    assert callbacks() == counts(batch, 0, 0)
    assert BatchRecord.objects.get().finished_at is not None


def test_everything_that_is_enqueued_inside_belongs_to_it(calls):
    def call_others():
        note.enqueue("in a function")
        task_backends["default"].enqueue_many(note, [(("many",), {})] * 3)
        async_to_sync(note.aenqueue)("asynchronous")
        note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue("later")

    note.enqueue("before")
    with tasks.batch(then=report) as batch:
        call_others()
    note.enqueue("after")

    assert TaskRecord.objects.filter(batch=batch.id).count() == 6
    assert TaskRecord.objects.filter(batch=None).count() == 2
    assert BatchRecord.objects.get().total == 6
    run_pending()
    assert callbacks() == []  # one waits for its time
    queue.promote(timezone.now() + timedelta(hours=2))
    run_pending()
    assert callbacks() == counts(batch.id, 6, 0)


def test_what_is_rolled_back_inside_does_not_count():
    with tasks.batch(then=report) as batch:
        note.enqueue(1)
        with transaction.atomic():
            note.enqueue(2)
            transaction.set_rollback(True)
    run_pending()

    assert callbacks() == counts(batch.id, 1, 0)


def test_an_exception_inside_undoes_all_of_it():
    with contextlib.suppress(KeyError), tasks.batch(then=report):
        note.enqueue(1)
        raise KeyError

    assert (TaskRecord.objects.count(), BatchRecord.objects.count()) == (0, 0)
    note.enqueue(2)
    assert TaskRecord.objects.get().batch is None


def test_a_batch_within_a_batch_is_one_of_its_own():
    with tasks.batch(then=report) as outer:
        note.enqueue()
        with tasks.batch(then=report_in_one) as inner:
            note.enqueue()
            note.enqueue()
        with tasks.batch(then=report_in_one) as empty:
            pass
        note.enqueue()

    totals = {str(row.pk): row.total for row in BatchRecord.objects.all()}
    assert totals == {outer.id: 2, inner.id: 2, empty.id: 0}


@pytest.mark.django_db(transaction=True)
def test_another_thread_has_no_part_in_it():
    def enqueue():
        note.enqueue("thread")
        connection.close()

    with tasks.batch(then=report) as batch:
        note.enqueue("inside")
        thread = threading.Thread(target=copy_context().run, args=(enqueue,))
        thread.start()
        if connection.vendor == "postgresql":  # SQLite's other writer waits for the end of the block
            thread.join()
    thread.join()

    assert BatchRecord.objects.get().total == 1
    assert TaskRecord.objects.get(batch=batch.id).arguments["args"] == ["inside"]
    assert TaskRecord.objects.get(batch=None).arguments["args"] == ["thread"]


@pytest.mark.django_db(transaction=True)
def test_it_works_in_asynchronous_code():
    async def enqueue():
        async with tasks.batch(then=report) as batch:
            await note.aenqueue(1)
            await asyncio.gather(*(note.aenqueue(number) for number in range(2, 5)))
        await note.aenqueue("after")
        return batch.id

    async def fail_inside():
        async with tasks.batch(then=report):
            await note.aenqueue("undone")
            raise KeyError

    async def forget():
        with tasks.batch(then=report):
            pass

    batch = async_to_sync(enqueue)()
    with pytest.raises(KeyError):
        async_to_sync(fail_inside)()
    with pytest.raises(SynchronousOnlyOperation, match="async with"):
        async_to_sync(forget)()
    assert (BatchRecord.objects.get().total, TaskRecord.objects.count()) == (4, 5)
    run_pending()
    assert callbacks() == counts(batch, 4, 0)


def test_what_outlives_the_block_with_its_context_is_not_in_the_batch():
    with tasks.batch(then=report):
        context = copy_context()
        assert context.run(tally.current) is not None

    assert context.run(tally.current) is None


def test_a_retry_is_no_end():
    batch = batch_of(1, fail_three_times.enqueue)
    for expected in ([], [], counts(batch, 0, 1)):
        Attempt(claim()).run()
        assert callbacks() == expected


def test_a_release_a_stop_and_an_outcome_that_comes_too_late_are_no_ends():
    batch = batch_of(2)
    first, second = claim(), claim()
    queue.release(first)
    assert not queue.succeed(first, None)
    assert queue.succeed(claim(), None)
    assert callbacks() == []
    assert queue.succeed(second, None)
    assert not queue.fail(second)
    assert callbacks() == counts(batch, 2, 0)


def test_cancelled_tasks_have_failed():
    batch = batch_of(2)
    running = claim()
    for record in TaskRecord.objects.all():
        control.cancel(record)
    assert callbacks() == []  # one is asked to end
    queue.fail(running)

    assert callbacks() == counts(batch, 0, 2)


def test_cancelled_within_the_block():
    with tasks.batch(then=report) as batch:
        result = note.enqueue()
        control.cancel(TaskRecord.objects.get(pk=result.id))

    assert callbacks() == counts(batch.id, 0, 1)


def test_what_is_lost_for_good_has_failed_and_what_is_lost_for_now_has_not():
    batch = batch_of(1, never_twice.enqueue)
    claim("node/0/default-1/0")
    recover("node", "node/1")
    assert callbacks() == counts(batch, 0, 1)

    TaskRecord.objects.all().delete()
    batch = batch_of(1)
    for number in range(MOST_DEATHS):
        assert callbacks() == []
        claim(f"node/{number}/default-1/0")
        recover("node", f"node/{number + 1}")
    assert callbacks() == counts(batch, 0, 1)


def test_a_failed_task_that_is_retried_before_the_batch_is_done_counts_once():
    batch = batch_of(2)
    queue.fail(claim())
    control.retry(TaskRecord.objects.get(status="FAILED"))
    queue.succeed(claim(), None)
    assert callbacks() == []
    queue.succeed(claim(), None)

    assert callbacks() == counts(batch, 2, 0)


def test_a_failed_task_that_is_retried_after_the_callback_brings_no_second_one():
    batch = batch_of(1)
    queue.fail(claim())
    done = counts(batch, 0, 1)
    assert callbacks() == done
    control.retry(TaskRecord.objects.get(status="FAILED"))
    queue.fail(claim())
    control.retry(TaskRecord.objects.get(status="FAILED"))
    queue.succeed(claim(), None)

    assert callbacks() == done
    assert BatchRecord.objects.values_list("successful", "failed").get() == (0, 1)


def test_pruned_tasks_have_been_counted_and_a_batch_that_is_not_done_stays():
    everything = Retention(keep_days=0, keep_failed_days=0, keep_tasks=0)
    batch = batch_of(2)
    queue.succeed(claim(), None)
    assert list(prune(everything)) == [1]
    assert BatchRecord.objects.get().successful == 1
    queue.succeed(claim(), None)

    assert callbacks() == counts(batch, 2, 0)
    assert sum(prune(everything)) == 1
    assert BatchRecord.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_end_and_its_count_are_written_together_or_not_at_all(monkeypatch):
    batch = batch_of(1)
    running = claim()
    with monkeypatch.context() as patch:
        patch.setattr(conditions, "insert", lambda callbacks: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            queue.succeed(running, None)
    assert TaskRecord.objects.get().status == "RUNNING"
    assert BatchRecord.objects.values_list("successful", "finished_at").get() == (0, None)
    assert queue.succeed(running, None)

    assert callbacks() == counts(batch, 1, 0)


@pytest.mark.django_db(transaction=True)
def test_of_two_last_tasks_that_end_together_one_brings_the_callback():
    for _ in range(20):
        batch = batch_of(4)
        running = [claim(f"{HOLDER}{number}") for number in range(4)]
        together = threading.Barrier(4)

        def end(task, together=together):
            together.wait()
            queue.succeed(task, None)
            connection.close()

        threads = [threading.Thread(target=end, args=(task,)) for task in running]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert callbacks() == counts(batch, 4, 0)
        TaskRecord.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_the_callback_wakes_a_worker_at_the_commit(monkeypatch):
    woken = []
    monkeypatch.setattr("tasks.table.wakeup.wake", lambda queue, number=1, due=None: woken.append((queue, number, due)))
    batch_of(1)
    woken.clear()
    with transaction.atomic():
        queue.succeed(claim(), None)
        assert woken == []
    assert woken == [("default", 1, None)]


def test_the_callback_of_a_paused_queue_waits_there():
    queues.pause("default")
    batch = batch_of(0)

    assert claim() is None
    queues.resume("default")
    assert claim().arguments["kwargs"]["batch"] == batch


def test_the_admin_shows_batches_and_their_tasks(admin_client):
    batch = batch_of(2)
    note.enqueue()
    queue.succeed(claim(), None)
    page = admin_client.get("/admin/tasks/batchrecord/").content.decode()

    assert f"?batch={batch}" in page
    assert report.module_path in page
    listed = admin_client.get(f"/admin/tasks/taskrecord/?batch={batch}").context["cl"].result_list
    assert len(listed) == 2
    assert admin_client.get(f"/admin/tasks/batchrecord/{batch}/change/").status_code == 200


def test_prune_tasks_counts_tasks(settings):
    batch_of(1)
    queue.succeed(claim(), None)
    output = io.StringIO()
    call_command("prune_tasks", "--days", "0", stdout=output)

    assert output.getvalue() == "1 tasks deleted.\n"
