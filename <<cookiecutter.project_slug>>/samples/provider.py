"""A stand-in for a payment provider. It takes no money: put your provider's client in its place.

It stands for the one promise that the task needs, and that providers give (Stripe calls it `Idempotency-Key`): asked
again with the same key, they charge nothing and give the same answer.
"""

from decimal import Decimal
from uuid import UUID


def charge(key: UUID, amount: Decimal) -> str:
    """Charge the amount, once for a key; gives the receipt's number."""
    return f"receipt-{key.hex[:12]}"
