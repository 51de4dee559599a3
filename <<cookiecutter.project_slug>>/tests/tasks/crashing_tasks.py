"""Tasks that are right when they are run again, and tasks that are not. Each fault is a line that says so."""

import asyncio
import secrets
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.tasks import TaskContext, task
from django.utils import timezone

from samples.models import Order

world: list[Any] = []  # outside of the process: what is sent there cannot be taken back
lock = threading.Lock()


def file(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / name


def counted() -> None:
    Order.objects.update(quantity=F("quantity") + 1)


@task
def right() -> int:
    with transaction.atomic():
        order = Order.objects.select_for_update().get()
        if order.quantity == 1:
            order.quantity = 2
            order.save()
            another.enqueue()
            send_mail("Two", "of them", None, ["ada@example.com"])
    file("two").write_text("2")
    return 2


@task
def another() -> None: ...


def mark(_: object) -> None:
    Order.objects.update(status=Order.Status.PAID)


@task
def call_with_an_effect() -> None:
    mark(None)
    mark(world.append("sent"))


@task
def write_while_reading() -> None:
    with transaction.atomic():
        for order in Order.objects.iterator(chunk_size=1):
            Order.objects.filter(pk=order.pk).update(quantity=5)


@task
def charge_and_save() -> None:
    world.append("charged")
    Order.objects.update(status=Order.Status.PAID)


@task
def one_line() -> None:
    counted()


@task
def insert_twice() -> None:
    order = Order.objects.earliest("pk")
    order.pk = None
    order.save()
    file("two").touch()


@task
def fail_the_second_time() -> None:
    Group.objects.create(name="only one")
    file("two").touch()


@task
def append() -> None:
    with file("log").open("a") as log:
        log.write("a line\n")


@task
def leave_a_file_behind() -> None:
    partial = file(secrets.token_hex(4) + ".partial")
    partial.write_text("whole")
    partial.rename(file("whole"))


@task
def mail_before_the_mark() -> None:
    if Order.objects.filter(status=Order.Status.OPEN).exists():
        send_mail("Paid", "Thank you", None, ["ada@example.com"])
        Order.objects.update(status=Order.Status.PAID)


@task
def mail_at_once() -> None:
    send_mail("Paid", "Thank you", None, ["ada@example.com"], using="outbox")


@task
def enqueue_before_the_mark() -> None:
    if Order.objects.filter(status=Order.Status.OPEN).exists():
        another.enqueue()
        Order.objects.update(status=Order.Status.PAID)


@task
def guard_in_the_cache() -> None:
    if cache.add("counted", True):
        counted()


@task
def clean_up_in_finally() -> None:
    if Group.objects.filter(name="somebody is at it").exists():
        return
    group = Group.objects.create(name="somebody is at it")
    try:
        Order.objects.update(status=Order.Status.PAID)
    except BaseException:
        Order.objects.update(status=Order.Status.RETURNED)
        raise
    finally:
        group.delete()


@task
def say_something_else() -> str:
    _, is_new = Group.objects.get_or_create(name="one")
    return "new" if is_new else "old"


@task
def only_the_last_pass(passes: int) -> None:
    for number in range(passes):
        if number == passes - 1:
            counted()


@task
def wait_for_what_the_dead_hold() -> None:
    with lock:
        file("two").touch()


@task
def exit_the_process() -> None:
    import os

    os._exit(3)


@task(takes_context=True)
def go_on(context: TaskContext, end: int) -> list[int]:
    for number in range(context.last_checkpoint or 0, end):
        file(f"{number}").touch()
        context.checkpoint(number + 1)
    return [end]


@task(takes_context=True)
def trust_each_checkpoint(context: TaskContext) -> None:
    for number in range(context.last_checkpoint or 0, 3):
        with transaction.atomic():
            counted()
            context.checkpoint(number + 1)


@task(takes_context=True)
def trust_no_checkpoint_is_late(context: TaskContext) -> None:
    if context.last_checkpoint is None:
        context.checkpoint("begun")
        counted()


@task(takes_context=True)
def keep_a_key_in_a_checkpoint(context: TaskContext) -> None:
    key = context.last_checkpoint or secrets.token_hex(4)
    context.checkpoint(key)  # which may not be in the database yet
    if key not in world:
        world.append(key)


@task(takes_context=True)
def say_which_attempt(context: TaskContext) -> None:
    world.append(context.attempt)


@task
def times_and_keys() -> dict[str, Any]:
    with transaction.atomic():
        group, _ = Group.objects.get_or_create(name=f"seen {Order.objects.count()}")
        Order.objects.update(placed_at=timezone.now(), sku=secrets.token_hex(4))
    return {"at": timezone.now().isoformat(), "is": "right", "group": group.pk}


@task
def forget_the_time() -> None:
    if not Group.objects.filter(name="seen").exists():
        Group.objects.create(name="seen")
        Group.objects.create(name=secrets.token_hex(4))


@task
def different_each_time() -> None:
    runs = file("../runs")  # outside of what is put back
    before = int(runs.read_text()) if runs.exists() else 0
    runs.write_text(str(before + 1))
    for number in range(before):
        Group.objects.create(name=f"{number}")


@task
async def asynchronous() -> None:
    await asyncio.sleep(0)
    await Order.objects.aupdate(status=Order.Status.PAID)
    await Order.objects.aupdate(quantity=F("quantity") + 1)


@task
def fail() -> None:
    raise ValueError("as asked")


@task(on_lost="fail")
def never_twice() -> None: ...
