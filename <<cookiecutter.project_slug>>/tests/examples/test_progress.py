"""The example of docs/tasks/progress.md."""

import pytest
from django.tasks import task

from tasks.models import TaskRecord
from tasks.testing import run_pending
from tasks.worker.context import DurableContext

pytestmark = pytest.mark.django_db

numbered = []


def give_number(author: int) -> None:
    numbered.append(author)
    if numbered == [7, 8]:
        raise ConnectionError


@task(queue_name="exports", max_attempts=3, backoff=0, takes_context=True)
def number_all(context: DurableContext, ids: list[int]) -> int:
    start = context.last_checkpoint or 0
    for done, author in enumerate(ids[start:], start + 1):
        give_number(author)
        context.progress(done, len(ids))
        context.checkpoint(done)
    return len(ids) - start


def test_the_second_attempt_goes_on_where_the_first_one_failed():
    number_all.enqueue([7, 8, 9])
    assert run_pending() == 2
    record = TaskRecord.objects.get()

    assert numbered == [7, 8, 8, 9]
    assert (record.status, record.return_value, record.attempt) == ("SUCCESSFUL", 2, 2)
    assert (record.progress, record.checkpoint) == ({"done": 3, "total": 3}, 3)
