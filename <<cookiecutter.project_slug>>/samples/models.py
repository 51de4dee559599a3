import uuid
from decimal import Decimal

from django.db import models


class Order(models.Model):
    """One line of a shop's order book: what the CSV export exports."""

    class Status(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        SHIPPED = "shipped"
        RETURNED = "returned"

    placed_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status)
    customer = models.CharField(max_length=100)
    email = models.EmailField()
    street = models.CharField(max_length=100)
    city = models.CharField(max_length=60)
    country = models.CharField(max_length=2)
    sku = models.CharField("article number", max_length=20)
    product = models.CharField(max_length=100)
    quantity = models.PositiveSmallIntegerField()
    unit_price = models.DecimalField(max_digits=9, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")

    def __str__(self) -> str:
        return f"{self.number} {self.customer}"

    @property
    def number(self) -> str:
        return f"SO-{self.pk:07}"

    @property
    def total(self) -> Decimal:
        return self.quantity * self.unit_price


class Payment(models.Model):
    """What is charged for an order, once: an order has one row at most, and a row one key."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT)
    key = models.UUIDField(default=uuid.uuid4, editable=False, help_text="By which the provider knows it.")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    receipt = models.CharField(max_length=100, blank=True)  # empty until we know that it was charged

    def __str__(self) -> str:
        return f"{self.order.number} {self.amount} {self.receipt or 'due'}"
