"""What becomes of a task that runs: outcomes, retries, what its errors leave behind."""

import dataclasses

import pytest
from django.db import connection
from django.tasks.signals import task_finished

from tasks.models import TaskRecord
from tasks.options import usual_pause
from tasks.testing import run_pending
from tests.tasks import sample_tasks

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("ValueError", "builtins.ValueError"),
        ("SystemExit", "builtins.SystemExit"),
        ("MemoryError", "builtins.MemoryError"),
        ("Interrupt", "builtins.KeyboardInterrupt"),
    ],
)
def test_whatever_a_task_raises_is_its_own_failure(run_one, kind, path):
    sample_tasks.fail.enqueue(kind)
    record = run_one()

    assert record.status == "FAILED"
    assert (record.history[0]["type"], record.history[0]["message"]) == (path, "as asked")
    assert "sample_tasks.py" in record.history[0]["traceback"]


def test_who_listens_to_its_end_and_fails_changes_nothing(run_one, caplog):
    def listen(**named):
        raise ValueError("as asked")

    task_finished.connect(listen)
    sample_tasks.note.enqueue()

    assert run_one().status == "SUCCESSFUL"
    assert "listen" in caplog.text


def test_arguments_that_do_not_fit_fail_the_task(run_one):
    sample_tasks.note_later.enqueue(1, 2, 3)
    assert run_one().history[0]["type"] == "builtins.TypeError"


@pytest.mark.parametrize(
    "path", ["no.such.module.task", "tests.tasks.sample_tasks.gone", "tests.tasks.sample_tasks.calls"]
)
def test_a_path_that_leads_to_no_task_fails_the_task(run_one, path):
    sample_tasks.note.enqueue()
    TaskRecord.objects.update(task=path)
    record = run_one()

    assert record.status == "FAILED"
    assert record.history[0]["type"] == "tasks.table.results.TaskNotFound"


def test_a_result_that_json_cannot_hold_fails_the_task(run_one):
    sample_tasks.return_what_json_cannot_hold.enqueue()
    end = run_one().history[0]

    assert end["type"] == "builtins.TypeError"
    assert "what tests.tasks.sample_tasks.return_what_json_cannot_hold returns must be JSON" in end["message"]


@pytest.mark.parametrize("value", ["nan", "infinity", "large"])
def test_a_number_that_json_cannot_hold_fails_the_task_as_well(run_one, value):
    sample_tasks.return_a_number.enqueue(value)
    record = run_one()

    assert (record.status, record.deaths) == ("FAILED", 0)
    assert "must be JSON" in record.history[0]["message"]


def test_text_is_kept_or_fails_the_task_as_the_database_has_it(run_one):
    sample_tasks.return_text.enqueue()
    record = run_one()

    if connection.vendor == "postgresql":
        assert "PostgreSQL takes no NUL in JSON" in record.history[0]["message"]
    else:
        assert record.return_value == "a\0b"


def test_each_attempt_and_its_error_are_kept(run_one):
    sample_tasks.fail_three_times.enqueue()
    assert run_one().status == "READY"
    assert run_one().status == "READY"
    record = run_one()

    assert (record.status, record.attempt) == ("FAILED", 3)
    assert [end["attempt"] for end in record.history] == [1, 2, 3]


def test_a_pause_is_waited_for_and_a_little_longer(run_one):
    sample_tasks.fail_and_wait.enqueue()
    record = run_one()
    pause = (record.waits_until - record.last_attempted_at).total_seconds()

    assert record.status == "READY"
    assert 60 <= pause <= 60 * 1.25 + 5


def test_a_backoff_of_one_s_own_gets_the_exception_and_the_result(run_one, calls):
    sample_tasks.fail_with_own_backoff.enqueue()
    run_one()

    assert calls == [("ValueError", 1)]
    assert run_one().status == "FAILED"


@pytest.mark.parametrize("given", [lambda exception, result: 1 / 0, lambda exception, result: None])
def test_where_a_backoff_of_one_s_own_fails_the_usual_one_is_taken(run_one, caplog, given):
    task = dataclasses.replace(sample_tasks.fail_with_own_backoff, backoff=given)
    sample_tasks.fail_with_own_backoff.enqueue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.worker.attempt.find_task", lambda path: task)
        record = run_one()

    assert record.status == "READY"
    assert 5 <= (record.waits_until - record.last_attempted_at).total_seconds() <= 5 * 1.25 + 5
    assert "the backoff of" in caplog.text


def test_the_usual_backoff_has_a_bound_after_any_number_of_failures():
    assert usual_pause(5000).total_seconds() <= 3600 * 1.25


def test_only_the_named_errors_are_tried_again(run_one):
    sample_tasks.fail_with.enqueue("ValueError")
    assert run_one().status == "FAILED"
    sample_tasks.fail_with.enqueue("OSError")
    assert run_one().status == "READY"


def test_the_next_attempt_goes_on_from_the_last_checkpoint(run_one):
    sample_tasks.go_on.enqueue(10)
    first = run_one()
    assert (first.checkpoint, first.progress) == (3, {"done": 3, "total": 10})
    second = run_one()

    assert (second.status, second.return_value) == ("SUCCESSFUL", 3)
    assert second.progress == {"done": 10, "total": 10}


def test_progress_is_written_twice_a_second_at_most(run_one, django_assert_max_num_queries):
    sample_tasks.go_on.enqueue(2)
    sample_tasks.go_on.enqueue(2)
    with django_assert_max_num_queries(8):
        run_one()
        run_one()


def test_run_pending_runs_what_is_due_and_what_that_enqueues(calls):
    sample_tasks.enqueue_another.enqueue()
    sample_tasks.fail_and_wait.enqueue()

    assert run_pending() == 3
    assert calls == [(("from a task",), {})]
    assert run_pending() == 0


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_a_task_leaves_open_does_not_reach_the_next_one(run_one):
    sample_tasks.leave_a_transaction_open.enqueue()
    sample_tasks.note.enqueue(1)
    run_one()

    assert run_one().status == "SUCCESSFUL"
    assert TaskRecord.objects.filter(status="SUCCESSFUL").count() == 2
