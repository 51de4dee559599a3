"""Django's own backends with the project's tasks: what works under them, and what a project's tests need.

README.md says it in words: tests had better use `run_pending()`.
"""

import subprocess
import sys

import pytest
from django.tasks import TaskResultStatus, default_task_backend
from django.utils import timezone

from samples.tasks import export_orders, resize_image
from tasks.testing import run_pending
from tests.server import PROJECT, environment
from tests.tasks.sample_tasks import fail_three_times, go_on, note, note_later, say_who_i_am, with_every_option

IMMEDIATE, DUMMY = "django.tasks.backends.immediate.ImmediateBackend", "django.tasks.backends.dummy.DummyBackend"

DECLARE = """
from django.conf import settings
settings.configure(TASKS={"default": {"BACKEND": %r}})
from django.tasks import task
@task(max_attempts=3)
def one(): ...
"""


@pytest.fixture
def immediate(settings):
    settings.TASKS = {"default": {"BACKEND": IMMEDIATE, "QUEUES": []}}


@pytest.fixture
def dummy(settings):
    settings.TASKS = {"default": {"BACKEND": DUMMY, "QUEUES": []}}


@pytest.mark.usefixtures("immediate")
def test_immediately_they_run_inside_enqueue(calls):
    results = [note.enqueue(1, two=2), note_later.enqueue(1), with_every_option.enqueue(4), say_who_i_am.enqueue()]

    assert {result.status for result in results} == {TaskResultStatus.SUCCESSFUL}
    assert calls == [((1,), {"two": 2})]
    assert [result.return_value for result in results[1:]] == [2, 8, [results[3].id, "RUNNING", 1, 1]]


@pytest.mark.usefixtures("immediate")
def test_immediately_there_are_no_retries_and_no_progress():
    failed, without_progress = fail_three_times.enqueue(), go_on.enqueue(3)

    assert (failed.status, failed.attempts) == (TaskResultStatus.FAILED, 1)
    assert without_progress.status == TaskResultStatus.FAILED
    assert without_progress.errors[0].exception_class is AttributeError


@pytest.mark.django_db
def test_run_pending_knows_all_of_it():
    failed, with_progress = fail_three_times.enqueue(), go_on.enqueue(3)
    assert run_pending() == 3 + 2
    failed.refresh()
    with_progress.refresh()

    assert (failed.status, failed.attempts) == (TaskResultStatus.FAILED, 3)
    assert (with_progress.status, with_progress.attempts) == (TaskResultStatus.SUCCESSFUL, 2)


@pytest.mark.usefixtures("dummy")
@pytest.mark.parametrize("task", [note, note_later, with_every_option, resize_image, export_orders])
def test_the_dummy_keeps_what_was_enqueued(task, calls):
    default_task_backend.clear()
    result = task.using(priority=3, run_after=timezone.now()).enqueue("1")

    assert default_task_backend.results == [result]
    assert (result.status, result.task.func, result.args) == (TaskResultStatus.READY, task.func, ["1"])
    assert task.get_result(result.id) == result
    assert calls == []


@pytest.mark.parametrize(
    ("backend", "error"), [(IMMEDIATE, "unexpected keyword argument 'max_attempts'"), (DUMMY, "max_attempts")]
)
def test_in_the_settings_they_refuse_our_options_where_a_task_is_declared(tmp_path, backend, error):
    declared = subprocess.run(
        [sys.executable, "-c", DECLARE % backend], cwd=PROJECT, env=environment(tmp_path),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert declared.returncode == 1
    assert error in declared.stderr.splitlines()[-1]
