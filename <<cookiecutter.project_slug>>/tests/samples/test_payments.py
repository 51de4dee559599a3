"""A payment that is killed anywhere and run again, or run twice at once: charged, booked and thanked for once."""

from decimal import Decimal
from threading import Barrier, Thread
from uuid import UUID

import pytest
from django.db import connections
from django.tasks import Task
from pytest_django import Settings

from samples import provider
from samples.demo_orders import seed_orders
from samples.models import Order, Payment
from samples.tasks import charge_order
from tasks.models import TaskRecord
from tasks.testing import crash_everywhere, run_pending
from tests.samples import unguarded_payments as unguarded

pytestmark = pytest.mark.django_db(transaction=True)


class Provider:
    """Keeps the promise of real ones: one charge for a key, the same answer each time."""

    def __init__(self) -> None:
        self.charges: dict[UUID, Decimal] = {}

    def charge(self, key: UUID, amount: Decimal) -> str:
        self.charges.setdefault(key, amount)
        return f"receipt {list(self.charges).index(key) + 1}"

    def amounts(self) -> list[Decimal]:
        return list(self.charges.values())


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Provider:
    bank = Provider()
    monkeypatch.setattr(provider, "charge", bank.charge)
    return bank


@pytest.fixture
def order() -> Order:
    seed_orders(1)
    return Order.objects.get()


def test_a_payment_killed_at_each_line(bank: Provider, order: Order) -> None:
    report = crash_everywhere(charge_order, order.pk, state=bank.amounts)
    assert report.lines >= 15


@pytest.mark.parametrize(
    ("wrong", "line", "difference"),
    [
        (
            unguarded.without_a_key_of_its_own,
            "receipt = provider.charge(uuid4(), order.total)",
            "state has 2 values, 1 expected",
        ),
        (
            unguarded.with_its_key_rolled_back,
            "provider.charge(payment.key, order.total)",
            "state has 2 values, 1 expected",
        ),
        (
            unguarded.with_a_guard_that_is_not_in_the_transaction,
            "send_mail(",
            "tasks.TaskRecord has 2 rows, 1 expected",
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_same_without_its_guard(bank: Provider, order: Order, wrong: Task, line: str, difference: str) -> None:
    Order.objects.update(status=Order.Status.OPEN)
    with pytest.raises(AssertionError) as raised:
        crash_everywhere(wrong, order.pk, state=bank.amounts)
    at_fault = str(raised.value).partition("coming from ")[2].partition(", and run again")[0]
    assert at_fault.startswith("tests/samples/unguarded_payments.py:")
    assert line in at_fault
    assert difference in str(raised.value)


def test_two_attempts_at_once(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, bank: Provider, order: Order
) -> None:
    """As where a node was thought dead: both have asked the provider before either has booked."""
    settings.MAILERS = settings.MAILERS | {
        "default": {"BACKEND": "tasks.mail.EmailBackend"}, "outbox": settings.MAILERS["default"],
    }  # fmt: skip
    both = Barrier(2, timeout=30)

    def charge(key: UUID, amount: Decimal) -> str:
        receipt = bank.charge(key, amount)
        both.wait()
        return receipt

    monkeypatch.setattr(provider, "charge", charge)
    receipts: list[str] = []

    def attempt() -> None:
        receipts.append(charge_order.call(order.pk))
        connections.close_all()

    attempts = [Thread(target=attempt) for _ in range(2)]
    for each in attempts:
        each.start()
    for each in attempts:
        each.join()
    assert receipts == ["receipt 1", "receipt 1"]
    assert bank.amounts() == [order.total]
    assert Payment.objects.get().receipt == "receipt 1"
    assert Order.objects.get().status == Order.Status.PAID
    assert TaskRecord.objects.count() == 1  # the mail


def test_the_stand_in_answers_a_key_as_before(mailoutbox: list[object], order: Order) -> None:
    charge_order.enqueue(order.pk)
    charge_order.enqueue(order.pk)
    assert run_pending() == 2
    assert {record.return_value for record in TaskRecord.objects.all()} == {Payment.objects.get().receipt}
    assert len(mailoutbox) == 1
