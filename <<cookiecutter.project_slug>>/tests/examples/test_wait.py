"""The example of docs/tasks/wait.md."""

import json
import threading

import pytest
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.tasks import task

import tasks
from tasks.models import TaskRecord
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db(transaction=True)


@task
def preview(text: str) -> str:
    return text.title()


def show_preview(request: HttpRequest) -> JsonResponse:
    result = preview.enqueue(request.GET["text"])
    try:
        tasks.wait(result, seconds=2)
    except TimeoutError:
        return JsonResponse({"id": result.id}, status=202)
    return JsonResponse({"preview": result.return_value})


def run_when_enqueued() -> None:
    """What a worker does."""
    while not run_pending():
        pass
    connection.close()


def test_the_answer_that_comes_soon_is_shown(rf):
    worker = threading.Thread(target=run_when_enqueued)
    worker.start()
    answer = show_preview(rf.get("/", {"text": "a preview"}))
    worker.join()

    assert (answer.status_code, json.loads(answer.content)) == (200, {"preview": "A Preview"})


def test_the_answer_that_takes_longer_is_asked_for_later(rf, monkeypatch):
    wait = tasks.wait
    monkeypatch.setattr("tasks.table.awaiting.wait", lambda result, seconds: wait(result, 0.01))
    answer = show_preview(rf.get("/", {"text": "a preview"}))

    assert (answer.status_code, json.loads(answer.content)) == (202, {"id": str(TaskRecord.objects.get().pk)})
