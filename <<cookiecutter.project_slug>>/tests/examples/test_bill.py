"""The example of docs/tasks/bill.md."""

import pytest
from django.contrib.auth.models import User
from django.tasks import task

from tasks.models import TaskRecord
from tasks.testing import run_pending

pytestmark = pytest.mark.django_db


@task
def name_users() -> list[str]:
    ids = User.objects.values_list("id", flat=True)
    return [User.objects.get(pk=user_id).username for user_id in ids]  # a query each


def test_the_repeated_query_is_on_the_bill():
    for name in ("ada", "grace", "joan"):
        User.objects.create(username=name)
    result = name_users.enqueue()
    run_pending()
    bill = TaskRecord.objects.get(pk=result.id).bill

    assert bill["queries"] == 4
    assert bill["repeated"]["times"] == 3
    assert bill["cpu"] + bill["waiting"] > bill["sql_seconds"]
