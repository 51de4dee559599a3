"""What becomes of tasks whose process or interpreter is no more, and of those that somebody cancels."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from tasks import control
from tasks.models import TaskRecord
from tasks.table import queue
from tasks.table.recovery import lose, recover, release, take_back
from tests.tasks.sample_tasks import fail, never_twice, note

pytestmark = pytest.mark.django_db


def claim(boot="node/old"):
    return queue.claim("default", f"{boot}/default-1/0")


def test_what_an_earlier_boot_held_is_free_again_with_one_attempt_more():
    note.enqueue()
    claim()

    assert recover("node", "node/new") == {"default": 1}
    record = TaskRecord.objects.get()
    assert (record.status, record.deaths, record.claim) == ("READY", 1, None)
    assert record.history[0]["type"] == "tasks.errors.WorkerLost"
    assert claim("node/new").attempt == 2


def test_what_this_boot_holds_is_left_alone():
    note.enqueue()
    claim("node/new")

    assert recover("node", "node/new") == {}
    assert TaskRecord.objects.get().status == "RUNNING"


def test_what_another_node_holds_is_left_alone_where_there_can_be_one():
    note.enqueue()
    claim("other/boot")

    assert recover("node", "node/new") == ({} if connection.vendor == "postgresql" else {"default": 1})


def test_what_another_node_s_dead_boot_held_is_taken_back():
    note.enqueue()
    claim("other/boot")
    note.enqueue()
    claim("other/boot2")

    assert take_back("other/boot") == {"default": 1}
    assert sorted(TaskRecord.objects.values_list("status", "deaths")) == [("READY", 1), ("RUNNING", 0)]


@pytest.mark.django_db(transaction=True)
def test_two_nodes_that_take_back_the_same_do_it_once():
    together = Barrier(2)

    def free(take):
        together.wait()
        try:
            return take().get("default", 0)
        finally:
            connection.close()

    for _ in range(100):
        note.enqueue()
        claim("other/boot")
    with ThreadPoolExecutor() as threads:
        freed = threads.map(free, [lambda: take_back("other/boot"), lambda: recover("other", "other/new")])

    assert sum(freed) == 100
    assert set(TaskRecord.objects.values_list("status", "deaths")) == {("READY", 1)}


def test_what_must_not_run_twice_has_failed():
    never_twice.enqueue()
    claim()
    recover("node", "node/new")
    record = TaskRecord.objects.get()

    assert (record.status, record.history[0]["type"]) == ("FAILED", "tasks.errors.WorkerLost")


def test_after_three_deaths_a_task_has_failed_whatever_its_attempts():
    note.enqueue()
    for number in range(3):
        claim(f"node/{number}")
        recover("node", f"node/{number + 1}")

    assert TaskRecord.objects.get().status == "FAILED"


def test_what_a_stop_interrupted_has_lost_nothing():
    note.enqueue()
    claim("node/boot")

    assert release("node/boot") == 1
    record = TaskRecord.objects.get()
    assert (record.status, record.attempt, record.deaths, record.history) == ("READY", 0, 0, [])


def test_what_must_not_run_twice_has_failed_where_a_stop_interrupted_it():
    never_twice.enqueue()
    claim("node/boot")

    assert release("node/boot") == 1
    record = TaskRecord.objects.get()
    assert (record.status, record.history[0]["type"]) == ("FAILED", "tasks.errors.WorkerLost")


def test_a_dead_interpreter_s_task_is_free_again():
    note.enqueue()
    assert lose(claim().id, "It died.") == "lost"

    assert TaskRecord.objects.get().status == "READY"


def test_a_waiting_task_is_cancelled_at_once():
    note.enqueue()
    control.cancel(TaskRecord.objects.get())
    record = TaskRecord.objects.get()

    assert (record.status, record.history[-1]["type"]) == ("FAILED", "tasks.errors.TaskCancelled")
    assert claim() is None


def test_one_that_was_cancelled_while_it_ran_does_not_run_again(run_one, calls):
    note.enqueue(1)
    claimed = claim()
    control.cancel(TaskRecord.objects.get())
    queue.release(claimed)  # as a draining server does
    record = run_one()

    assert (record.status, record.history[-1]["type"], calls) == ("FAILED", "tasks.errors.TaskCancelled", [])


def test_a_failed_task_can_be_tried_again(run_one):
    fail.enqueue()
    run_one()
    control.retry(TaskRecord.objects.get())

    assert run_one().attempt == 2


def test_a_successful_task_is_neither_cancelled_nor_tried_again(run_one):
    note.enqueue()
    record = run_one()
    control.cancel(record)
    control.retry(record)

    assert TaskRecord.objects.get().status == "SUCCESSFUL"


def test_of_the_cancel_of_a_task_that_has_ended_nobody_is_told(run_one, monkeypatch):
    """Main would look for it a while, and end the attempt that somebody has asked for since."""
    told = []
    monkeypatch.setattr(control.wakeup, "cancel", lambda task, claim: told.append((task, claim)))
    fail.enqueue()
    failed = run_one()
    assert not control.cancel(failed)
    note.enqueue()
    running = claim()
    assert control.cancel(TaskRecord.objects.get(pk=running.id))

    assert told == [(running.id, running.claim)]


def test_the_api_shows_cancels_and_retries(client, settings):
    settings.DEBUG = True  # open to everybody
    result = note.enqueue(1)
    shown = client.get(f"/api/tasks/{result.id}/").json()

    assert set(shown) == {
        "id", "task", "queue", "status", "attempts", "progress", "result", "error", "enqueued_at", "started_at",
        "finished_at",
    }  # fmt: skip
    cancelled = client.post(f"/api/tasks/{result.id}/cancel/").json()
    assert cancelled["error"]["type"] == "tasks.errors.TaskCancelled"
    assert client.post(f"/api/tasks/{result.id}/retry/").json()["status"] == "READY"
    assert client.post(f"/api/tasks/{uuid.uuid7()}/retry/").status_code == 404
