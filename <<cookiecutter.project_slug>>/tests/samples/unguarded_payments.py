"""The payment of samples/tasks/payments.py without one of its guards each: all are right until something dies."""

from uuid import uuid4

from django.core.mail import send_mail
from django.db import transaction
from django.tasks import task

from samples import provider
from samples.models import Order, Payment


@task
def without_a_key_of_its_own(order_id: int) -> None:
    """A new key each time: the provider takes the second attempt for a second order."""
    order = Order.objects.get(pk=order_id)
    receipt = provider.charge(uuid4(), order.total)
    Payment.objects.get_or_create(order=order, defaults={"amount": order.total, "receipt": receipt})


@task
def with_its_key_rolled_back(order_id: int) -> None:
    """The key is in the transaction that a crash rolls back, when the money is gone."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order_id)
        payment, _ = Payment.objects.get_or_create(order=order, defaults={"amount": order.total})
        payment.receipt = payment.receipt or provider.charge(payment.key, order.total)
        payment.save()


@task
def with_a_guard_that_is_not_in_the_transaction(order_id: int) -> None:
    order = Order.objects.get(pk=order_id)
    if order.status != Order.Status.PAID:
        send_mail("Thank you", "We have charged you.", None, [order.email])
        Order.objects.filter(pk=order_id).update(status=Order.Status.PAID)
