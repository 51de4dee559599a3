"""The example of docs/tasks/unique.md."""

import pytest
from django.tasks import task

pytestmark = pytest.mark.django_db


@task(unique=lambda shop_id: f"shop {shop_id}", max_attempts=5)
def import_orders(shop_id: int) -> None: ...


def test_a_second_click_starts_no_second_import():
    first = import_orders.enqueue(7)
    again = import_orders.enqueue(7)  # while the first one waits, runs, or waits for its next attempt
    other = import_orders.enqueue(8)

    assert again.id == first.id
    assert other.id != first.id
