"""The example of docs/tasks/failures.md."""

import logging

import pytest
from django.tasks import task

from tasks.models import TaskReport
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db

logger = logging.getLogger(__name__)


@task
def charge(order_id: int, card_token: str) -> float:
    total, parts = 90, 0
    logger.info("charging order %s", order_id)
    return total / parts


def test_staff_sees_where_it_failed_and_with_what(admin_client):
    result = charge.enqueue(7, "tok-4242")
    run_pending()
    report = TaskReport.objects.get(task_id=result.id).content
    frame = report["errors"][-1]["frames"][-1]

    assert frame["function"] == "charge"
    assert ["total", "90"] in frame["locals"]
    assert ["card_token", "'********************'"] in frame["locals"]  # looks like a secret
    assert "charging order 7" in report["lines"][0]
    assert "charging order 7" in admin_client.get(f"/admin/tasks/taskrecord/{result.id}/change/").text
