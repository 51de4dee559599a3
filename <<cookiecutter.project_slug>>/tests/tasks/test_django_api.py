"""What Django's own tests ask of its backends, asked of the durable one."""

import dataclasses
import pickle
from datetime import datetime

import pytest
from asgiref.sync import async_to_sync
from django.tasks import (
    DEFAULT_TASK_QUEUE_NAME,
    Task,
    TaskResultStatus,
    default_task_backend,
    task,
    task_backends,
)
from django.tasks.exceptions import InvalidTask, InvalidTaskBackend, TaskResultDoesNotExist, TaskResultMismatch
from django.utils import timezone
from django.utils.module_loading import import_string

from tasks.backends import DurableBackend
from tasks.options import DurableTask
from tasks.testing import run_pending
from tests.tasks.sample_tasks import (
    fail,
    fail_with_an_error_inside,
    note,
    note_later,
    return_what_json_cannot_hold,
    say_who_i_am,
    with_every_option,
)

pytestmark = pytest.mark.django_db

DURABLE = "tasks.backends.DurableBackend"


@pytest.fixture
def second_backend(settings):
    """Another name for the same table, with a queue of its own."""
    settings.TASKS = settings.TASKS | {"second": {"BACKEND": DURABLE, "QUEUES": ["elsewhere"], "OPTIONS": {"one": 1}}}
    return task_backends["second"]


def refreshed(result):
    result.refresh()
    return result


# Tasks


def test_the_backend_is_the_one_of_the_settings(second_backend):
    assert isinstance(task_backends["default"], DurableBackend)
    assert default_task_backend.alias == "default"
    assert (second_backend.alias, second_backend.options) == ("second", {"one": 1})
    assert isinstance(note.get_backend(), DurableBackend)


@pytest.mark.parametrize("each", [note, note_later, with_every_option])
def test_a_decorated_function_is_a_task_under_its_own_name(each):
    assert isinstance(each, DurableTask)
    assert each.module_path == f"tests.tasks.sample_tasks.{each.name}"
    assert import_string(each.module_path) is each


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"priority": 1}, {"priority": 1}),
        ({"queue_name": "critical"}, {"queue_name": "critical"}),
        ({"run_after": datetime.fromisoformat("2030-01-01T00:00:00Z")}, {"run_after": datetime(2030, 1, 1)}),
        ({}, {}),
    ],
)
def test_using_makes_another_task_and_leaves_the_first(options, changed):
    other = with_every_option.using(**options)

    assert other is not with_every_option
    assert (other == with_every_option) == (not changed)
    assert {name: getattr(other, name) for name in options} == options
    assert (with_every_option.priority, with_every_option.run_after) == (0, None)
    assert with_every_option.queue_name == DEFAULT_TASK_QUEUE_NAME
    assert (other.max_attempts, other.retry_on, other.on_lost, other.timeout) == (4, (OSError,), "fail", 2.5)


def test_using_can_be_chained():
    now = timezone.now()
    first = note.using(run_after=now)
    second = first.using(priority=10)

    assert (second.priority, second.run_after, first.priority) == (10, now, 0)


@pytest.mark.parametrize("priority", [-100, 0, 100])
def test_priorities_that_are_allowed(priority):
    assert note.using(priority=priority).enqueue().task.priority == priority


@pytest.mark.parametrize(
    "options",
    [
        {"priority": -101},
        {"priority": 101},
        {"priority": 3.1},
        {"queue_name": "nowhere"},
        {"run_after": datetime(2030, 1, 1)},  # without a time zone
    ],
)
def test_what_using_refuses(options):
    with pytest.raises(InvalidTask):
        note.using(**options)


@pytest.mark.parametrize("path", [None, "does.not.exist"])
def test_a_backend_that_there_is_not(settings, path):
    if path:
        settings.TASKS = settings.TASKS | {"missing": {"BACKEND": path}}
    with pytest.raises(InvalidTaskBackend):
        note.using(backend="missing")


def test_without_any_backend_nothing_is_enqueued(settings):
    settings.TASKS = {}
    with pytest.raises(InvalidTaskBackend):
        note.enqueue()


def test_a_task_is_checked_again_when_it_is_enqueued(settings):
    critical = note.using(queue_name="critical")
    settings.TASKS = {"default": {"BACKEND": DURABLE, "QUEUES": ["default"]}}

    with pytest.raises(InvalidTask):
        critical.enqueue()
    with pytest.raises(InvalidTask):
        async_to_sync(critical.aenqueue)()


def test_a_backend_that_names_no_queues_takes_any(settings):
    settings.TASKS = {"default": {"BACKEND": DURABLE, "QUEUES": []}}
    assert refreshed(note.using(queue_name="whatever").enqueue()).task.queue_name == "whatever"


def local_function() -> None: ...


@pytest.mark.parametrize("function", [any, {}.get])
def test_only_functions_of_a_module_can_be_tasks(function):
    with pytest.raises(InvalidTask):
        task(function)


def test_the_time_belongs_to_the_call_and_not_to_the_declaration():
    with pytest.raises(TypeError):
        task(run_after=timezone.now())(local_function)


def test_who_takes_a_context_has_a_place_for_it():
    with pytest.raises(InvalidTask):
        task(takes_context=True)(local_function)


def test_a_task_can_be_called_as_the_function_it_is():
    assert with_every_option.call(4) == 8
    assert async_to_sync(with_every_option.acall)(4) == 8
    assert note_later.call(1) == 2
    assert async_to_sync(note_later.acall)(1) == 2


def test_a_task_survives_pickling_with_its_options():
    again = pickle.loads(pickle.dumps(with_every_option.using(priority=3)))
    assert again == with_every_option.using(priority=3)


@pytest.mark.parametrize("path", ["does.not.exist", "builtins.any"])
def test_only_tasks_are_unpickled(path):
    with pytest.raises(ValueError, match="to point to a Task instance"):
        Task._reconstruct({"func": path})


# Results


def test_what_enqueue_returns(calls):
    result = note.enqueue(1, two=3)

    assert (result.task, result.args, result.kwargs) == (note, [1], {"two": 3})
    assert (result.started_at, result.finished_at, result.last_attempted_at) == (None, None, None)
    assert (result.errors, result.worker_ids, calls) == ([], [], [])
    with pytest.raises(ValueError, match="Task has not finished yet"):
        _ = result.return_value


@pytest.mark.parametrize("options", [{}, {"priority": 5}, {"queue_name": "critical"}])
def test_the_result_that_is_found_again_is_the_same(options):
    result = note.using(**options).enqueue(1)

    assert note.get_result(result.id) == result
    assert default_task_backend.get_result(result.id) == result
    before = dataclasses.asdict(result)
    assert dataclasses.asdict(refreshed(result)) == before


def test_asynchronously_as_well():
    async def use():
        result = await note.aenqueue(1)
        assert await note.aget_result(result.id) == result
        await result.arefresh()
        with pytest.raises(TypeError):
            await note.aenqueue(datetime.now())
        with pytest.raises(TaskResultDoesNotExist):
            await note.aget_result("123")
        with pytest.raises(TaskResultMismatch):
            await fail.aget_result(result.id)
        return result.status

    assert async_to_sync(use)() == TaskResultStatus.READY


def test_an_id_of_another_type_leads_nowhere():
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(123)


def test_a_task_of_another_backend_comes_back_to_it(second_backend, calls):
    result = note.using(backend="second", queue_name="elsewhere").enqueue(1)
    found = second_backend.get_result(result.id)

    assert (found, found.task.backend, found.backend) == (result, "second", "second")
    assert run_pending() == 1
    assert (refreshed(result).status, len(calls)) == (TaskResultStatus.SUCCESSFUL, 1)


def test_an_error_with_an_error_inside_is_kept():
    result = fail_with_an_error_inside.enqueue()
    run_pending()

    assert refreshed(result).status == TaskResultStatus.FAILED
    assert result.errors[0].exception_class is ValueError
    assert result.errors[0].traceback.endswith("\nValueError: as asked\n")
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


def test_a_value_that_json_cannot_hold_is_the_task_s_failure():
    result = return_what_json_cannot_hold.enqueue()
    run_pending()

    assert refreshed(result).errors[0].exception_class is TypeError
    assert (result.status, result._return_value) == (TaskResultStatus.FAILED, None)


@pytest.mark.parametrize(("path", "error"), [("subprocess.run", ValueError), ("does.not.exist", ImportError)])
def test_a_class_of_an_error_that_is_none_or_gone(path, error):
    result = fail.enqueue()
    run_pending()
    object.__setattr__(refreshed(result).errors[0], "exception_class_path", path)

    with pytest.raises(error):
        _ = result.errors[0].exception_class


def test_the_context_is_the_running_task_s():
    result = say_who_i_am.enqueue(1, 2)
    run_pending()

    assert refreshed(result).return_value == [result.id, "RUNNING", 1, 1, 1, 2]


def test_a_result_survives_pickling():
    result = with_every_option.enqueue(1)
    assert pickle.loads(pickle.dumps(result)) == result


# What is logged


@pytest.mark.parametrize(("each", "end"), [(note, "state=SUCCESSFUL"), (fail, "state=FAILED")])
def test_each_step_is_logged_by_django(each, end, caplog):
    with caplog.at_level("DEBUG", "django.tasks"):
        result = each.enqueue()
        run_pending()
    lines = [record.getMessage() for record in caplog.records if record.name == "django.tasks"]

    assert len(lines) == 3
    assert all(step in line for step, line in zip(("enqueued", "state=RUNNING", end), lines, strict=True))
    assert all(result.id in line for line in lines)
    assert "NoneType" not in caplog.text
