"""A side effect that must happen once, in a task that may run twice: after a crash, or beside one thought dead."""

from django.core.mail import send_mail
from django.db import transaction
from django.tasks import task

from samples import provider
from samples.models import Order, Payment


@task(queue_name="critical", max_attempts=5, retry_on=(ConnectionError, TimeoutError))
def charge_order(order_id: int) -> str:
    """Charge the customer of an order and thank them, each once. Gives the receipt's number."""
    order = Order.objects.get(pk=order_id)
    # Committed before anybody is asked: whoever comes again asks with the same key.
    payment, _ = Payment.objects.get_or_create(order=order, defaults={"amount": order.total})
    # Outside of a transaction: while we wait for others, nobody need wait for us.
    receipt = payment.receipt or provider.charge(payment.key, payment.amount)
    _book(payment, receipt)
    return receipt


def _book(payment: Payment, receipt: str) -> None:
    """All of it or nothing, and once: whoever comes second waits for the lock and finds the receipt.

    SQLite has no row locks and needs none: a transaction of this project has the one write lock from its first line.
    """
    with transaction.atomic():
        payment = Payment.objects.select_for_update().get(pk=payment.pk)
        if payment.receipt:
            return
        payment.receipt = receipt
        payment.save(update_fields=["receipt"])
        order = payment.order
        order.status = Order.Status.PAID
        order.save(update_fields=["status"])
        text = f"We have charged {payment.amount} {order.currency} for {order.number}: {receipt}."
        send_mail("Thank you", text, None, [order.email])  # into the queue, with this transaction
