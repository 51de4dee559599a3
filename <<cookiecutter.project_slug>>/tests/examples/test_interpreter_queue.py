"""The example of docs/tasks/interpreter_queue.md."""

import logging
from contextlib import suppress

import pytest
from django.http import HttpRequest, HttpResponse
from django.tasks import task

from tasks.errors import MemoryQueueFull
from tasks.models import TaskRecord
from tasks.table import memory_queue
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db(transaction=True)

TASKS = {
    "default": {"BACKEND": "tasks.backends.DurableBackend", "QUEUES": ["critical", "default", "exports", "images"]},
    "memory": {"BACKEND": "tasks.backends.InterpreterQueueBackend", "QUEUES": ["default"], "OPTIONS": {"size": 1000}},
}


@task
def note_visit(page: str) -> None:
    logging.getLogger("visits").info(page)


def page(request: HttpRequest, name: str) -> HttpResponse:
    with suppress(MemoryQueueFull):  # a visit less in the statistics
        note_visit.using(backend="memory").enqueue(name)
    return HttpResponse(f"This is {name}.")


@pytest.fixture(autouse=True)
def memory(settings):
    settings.TASKS = TASKS
    yield
    memory_queue.outside.clear()


def test_the_task_runs_and_nothing_of_it_is_in_the_database(caplog):
    caplog.set_level(logging.INFO, "visits")
    assert page(HttpRequest(), "home").content == b"This is home."
    assert (caplog.messages, TaskRecord.objects.exists()) == ([], False)

    assert run_pending() == 1
    assert caplog.messages == ["home"]


def test_a_full_queue_costs_a_visit_and_no_page():
    for number in range(1001):
        assert page(HttpRequest(), str(number)).status_code == 200
    assert run_pending() == 1000
