"""The example of docs/tasks/idempotency.md, and the same task without its guard."""

import pytest
from django.db import transaction
from django.tasks import task

from samples import provider
from samples.demo_orders import seed_orders
from samples.models import Order, Payment
from samples.tasks import charge_order
from tasks.testing import crash_everywhere


@pytest.mark.django_db(transaction=True)
def test_an_order_is_charged_once(monkeypatch):
    charges = {}  # what a real provider keeps: a charge for each key
    monkeypatch.setattr(provider, "charge", lambda key, amount: charges.setdefault(key, f"receipt for {amount}"))
    seed_orders(1)
    crash_everywhere(charge_order, Order.objects.get().pk, state=lambda: list(charges.values()))


@task
def charge_in_one_transaction(order_id: int) -> None:
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        payment, _ = Payment.objects.get_or_create(order=order, defaults={"amount": order.total})
        payment.receipt = provider.charge(payment.key, payment.amount)
        payment.save()


@pytest.mark.django_db(transaction=True)
def test_what_is_wrong_is_said_as_on_the_page(monkeypatch):
    charges = {}
    monkeypatch.setattr(provider, "charge", lambda key, amount: charges.setdefault(key, f"receipt for {amount}"))
    seed_orders(1)
    with pytest.raises(AssertionError) as raised:
        crash_everywhere(charge_in_one_transaction, Order.objects.get().pk, state=lambda: list(charges.values()))
    lines = str(raised.value).splitlines()
    assert "`payment.save()`, coming from" in lines[0]
    assert "`payment.receipt = provider.charge(payment.key, payment.amount)`, and run again:" in lines[0]
    assert lines[1] == "state has 2 values, 1 expected."
