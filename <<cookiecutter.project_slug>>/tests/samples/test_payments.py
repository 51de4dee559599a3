"""A payment that is killed anywhere and run again, or run twice at once: charged once, booked once, thanked for once."""

from decimal import Decimal
from threading import Barrier, Thread
from uuid import UUID

import pytest
from django.db import connections

from samples import provider
from samples.demo_orders import seed_orders
from samples.models import Order, Payment
from samples.tasks import charge_order
from tasks.testing import crash_everywhere

pytestmark = pytest.mark.django_db(transaction=True)


class Provider:
    """Keeps the promise: one charge for a key."""

    def __init__(self) -> None:
        self.charges: dict[UUID, Decimal] = {}

    def charge(self, key: UUID, amount: Decimal) -> str:
        return f"receipt-{list(self.charges.setdefault(key, amount).as_tuple().digits)}"


def test_x(monkeypatch):
    seed_orders(1)
    order = Order.objects.get()
    fake = Provider()
    monkeypatch.setattr(provider, "charge", fake.charge)
    import time
    t=time.time()
    print(crash_everywhere(charge_order, order.pk, state=lambda: list(fake.charges.values())), time.time()-t)
    assert 0
