"""The example of docs/tasks/limit.md."""

import pytest
from django.tasks import task

from tasks.table import queue

pytestmark = pytest.mark.django_db(transaction=True)


@task(limit=("mail server", 2))
def send_newsletter(address: str) -> None: ...


@task(limit=("mail server", 2), queue_name="critical")
def send_invoice(number: int) -> None: ...


@task(limit=(lambda shop_id: f"shop {shop_id}", 1))
def synchronise(shop_id: int) -> None: ...


def test_two_at_once_whatever_is_sent_and_one_for_each_shop():
    for number in range(3):
        send_newsletter.enqueue(f"{number}@example.com")
        send_invoice.enqueue(number)
    for shop_id in (1, 1, 2):
        synchronise.enqueue(shop_id)

    assert running() == ["send_newsletter", "send_invoice", "synchronise", "synchronise"]


def running():
    """What all workers together can have at once."""
    claimed = []
    for name in ("default", "critical"):
        while (task := queue.claim(name, "node/boot/worker/0")) is not None:
            claimed.append(task)
    return [each.task.rpartition(".")[2] for each in sorted(claimed, key=lambda task: task.id)]
