"""Orders that look real enough for a demonstration, the same ones on every machine."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import batched

from django.db import reset_queries

from samples.models import Order

BATCH = 1_000  # rows in one transaction: on SQLite nobody else writes in the meantime, about 20 ms

FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
GIVEN_NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Esi", "Fatima", "Grace", "Hana", "Inés", "Jonas", "Kenji", "Łucja")
FAMILY_NAMES = ("Adeyemi", "Bauer", "Costa", "Dubois", "Eriksson", "Fischer", "García", "Haddad", "Ito", "O'Neill")
PLACES = (("Berlin", "DE"), ("Lyon", "FR"), ("Porto", "PT"), ("Kraków", "PL"), ("Oslo", "NO"), ("Cork", "IE"))
STREETS = ("Main Street", "Rue du Port", "Gartenweg", "Rua Nova", "Storgata", "ul. Długa")
PRODUCTS = (
    ("DESK-01", "Standing desk, oak", Decimal("489.00")),
    ("CHAIR-04", "Office chair “Linnea”", Decimal("249.50")),
    ("LAMP-11", "Desk lamp, brass", Decimal("79.90")),
    ("SHELF-02", "Shelf, 80 × 200 cm", Decimal("129.00")),
    ("CABLE-07", "Cable tray; with screws, 2 pieces", Decimal("18.75")),
)
STATUSES = (*[Order.Status.SHIPPED] * 7, Order.Status.PAID, Order.Status.OPEN, Order.Status.RETURNED)


def seed_orders(at_least: int, report: Callable[[int], None] | None = None) -> int:
    """Add orders until there are `at_least` so many; return how many were added, and report the same as it grows."""
    have = Order.objects.count()
    made = 0
    for batch in batched(_orders(have, at_least), BATCH, strict=False):
        Order.objects.bulk_create(batch)
        reset_queries()  # in DEBUG Django would keep every statement, with all its values
        made += len(batch)
        if report:
            report(made)
    return made


def _orders(first: int, last: int) -> Iterator[Order]:
    chance = random.Random(first)
    for index in range(first, last):
        yield _order(index, chance)


def _order(index: int, chance: random.Random) -> Order:
    given, family = chance.choice(GIVEN_NAMES), chance.choice(FAMILY_NAMES)
    city, country = chance.choice(PLACES)
    sku, product, unit_price = chance.choice(PRODUCTS)
    return Order(
        placed_at=FIRST_DAY + timedelta(minutes=index),
        status=chance.choice(STATUSES),
        customer=f"{given} {family}",
        email=f"customer{chance.randrange(100_000)}@example.com",
        street=f"{chance.choice(STREETS)} {chance.randrange(1, 200)}",
        city=city,
        country=country,
        sku=sku,
        product=product,
        quantity=chance.randrange(1, 6),
        unit_price=unit_price,
    )
