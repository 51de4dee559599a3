"""The export, whole and interrupted: however often it is killed, each row stands in the file once."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries

from samples.demo_orders import seed_orders
from samples.models import Order
from samples.tasks import export_orders, exports

pytestmark = pytest.mark.django_db

EXPORT = "0d4cc1a4-7c1e-4f55-9a1b-5f0f3a3f1d2e"

type NewContext = Callable[..., Any]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BATCH", 10)


@pytest.fixture
def partial(media: Path) -> Path:
    return media / "exports" / EXPORT / "orders.partial"


@pytest.fixture
def whole(partial: Path) -> Path:
    return partial.with_suffix(".csv")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def assert_holds_the_first_orders(path: Path, rows: int) -> None:
    ids = [int(row["id"]) for row in rows_of(path)]
    assert ids == list(Order.objects.order_by("pk").values_list("pk", flat=True)[:rows])


def test_as_many_rows_as_asked_for_on_an_empty_table(context: Any, whole: Path) -> None:
    result = export_orders.func(context, EXPORT, 35)
    assert result == {"rows": 35, "bytes": whole.stat().st_size, "url": f"/media/exports/{EXPORT}/orders.csv"}
    assert_holds_the_first_orders(whole, 35)
    assert context.reports[0] == (17, 35)  # all are made, none is written
    assert context.reports[-1] == (35, 35)


def test_orders_that_exist_are_exported_as_they_are(context: Any, whole: Path) -> None:
    seed_orders(30)
    Order.objects.filter(pk=Order.objects.earliest("pk").pk).update(customer='Anne "Nan" O\'Hara, Jr.\nc/o Łucja')
    assert export_orders.func(context, EXPORT, 20)["rows"] == 20
    assert Order.objects.count() == 30
    first = rows_of(whole)[0]
    order = Order.objects.earliest("pk")
    assert first["customer"] == order.customer
    assert first["unit_price"] == str(order.unit_price)
    assert context.reports[-1] == (20, 20)


def test_one_query_for_each_batch(context: Any, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    seed_orders(40)
    with django_assert_num_queries(2 + 4):  # how many there are, asked by the task and by seed_orders
        export_orders.func(context, EXPORT, 40)


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_killed_between_the_file_and_the_checkpoint(
    new_context: NewContext, partial: Path, whole: Path, batch: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        export_orders.func(killed := new_context(crash_at=batch), EXPORT, 35)
    assert not whole.exists()
    assert len(rows_of(partial)) == min(batch * 10, 35)  # more than the checkpoint knows
    resumed = new_context(last_checkpoint=killed.last_checkpoint)
    assert export_orders.func(resumed, EXPORT, 35)["rows"] == 35
    assert_holds_the_first_orders(whole, 35)
    assert len(killed.checkpoints) + len(resumed.checkpoints) == 4
    assert not partial.exists()


@pytest.mark.parametrize("kept", range(0, 500, 37))
def test_killed_in_the_middle_of_a_batch(new_context: NewContext, partial: Path, whole: Path, kept: int) -> None:
    """Of the second batch, any number of bytes may have reached the disk."""
    with pytest.raises(KeyboardInterrupt):
        export_orders.func(killed := new_context(crash_at=2), EXPORT, 35)
    partial.write_bytes(partial.read_bytes()[: killed.last_checkpoint["bytes"] + kept])
    export_orders.func(new_context(last_checkpoint=killed.last_checkpoint), EXPORT, 35)
    assert_holds_the_first_orders(whole, 35)


def test_a_checkpoint_that_is_behind_the_file_by_batches(new_context: NewContext, partial: Path, whole: Path) -> None:
    """The queue writes checkpoints now and then: a crash may leave an older one."""
    with pytest.raises(KeyboardInterrupt):
        export_orders.func(killed := new_context(crash_at=4), EXPORT, 35)
    export_orders.func(new_context(last_checkpoint=killed.checkpoints[0]), EXPORT, 35)
    assert_holds_the_first_orders(whole, 35)


def test_killed_after_the_file_was_published(new_context: NewContext, whole: Path) -> None:
    first = export_orders.func(finished := new_context(), EXPORT, 35)
    again = export_orders.func(new_context(last_checkpoint=finished.last_checkpoint), EXPORT, 35)
    assert again == first
    assert_holds_the_first_orders(whole, 35)


def test_a_file_that_is_gone_is_written_afresh(new_context: NewContext, partial: Path, whole: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        export_orders.func(killed := new_context(crash_at=3), EXPORT, 35)
    partial.unlink()
    export_orders.func(new_context(last_checkpoint=killed.last_checkpoint), EXPORT, 35)
    assert_holds_the_first_orders(whole, 35)


def test_orders_are_seeded_up_to_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_orders", "2500")
    call_command("seed_orders", "2000")
    assert Order.objects.count() == 2500
    assert capsys.readouterr().out.splitlines() == [
        "2,500 orders added, 2,500 in the table.",
        "0 orders added, 2,500 in the table.",
    ]


def test_no_orders_are_not_a_number_of_orders() -> None:
    with pytest.raises(CommandError, match="from 1 on"):
        call_command("seed_orders", "0")


def test_seeded_orders_pass_the_model_s_own_checks() -> None:
    seed_orders(200)
    for order in Order.objects.all():
        order.full_clean()
        assert order.total == order.quantity * order.unit_price
    assert str(Order.objects.earliest("pk")).startswith("SO-0")
