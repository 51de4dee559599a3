"""Each fault that a crash can bring to light is brought to light, with its line; what is right passes."""

import re
from pathlib import Path

import pytest
from django.core import mail
from django.db import connection
from django.test import TransactionTestCase

from samples.demo_orders import seed_orders
from samples.models import Order
from tasks.crashes import child
from tasks.models import TaskRecord
from tasks.testing import crash_everywhere
from tests.tasks import crashing_tasks as tasks

FILE = "tests/tasks/crashing_tasks.py"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture(autouse=True)
def order() -> Order:
    tasks.world.clear()
    seed_orders(1)
    Order.objects.update(quantity=1, status=Order.Status.OPEN)
    return Order.objects.get()


def world() -> list[object]:
    return tasks.world


def fault_of(task, *args, **options) -> str:
    """What is said of a task that is wrong, without the numbers of its lines."""
    with pytest.raises(AssertionError) as raised:
        crash_everywhere(task, *args, **options)
    return re.sub(r"(\.py):\d+", r"\1", str(raised.value))


def test_a_right_task_is_killed_at_each_line():
    report = crash_everywhere(tasks.right)
    assert report.lines == 10  # and file()'s one
    assert report.crashes == 12  # the transaction's line again as it ends; behind the last line


def test_all_is_left_as_it_was(media, order):
    media.mkdir()
    (media / "old").write_text("as it was")
    crash_everywhere(tasks.right)
    assert Order.objects.get() == order
    assert Order.objects.get().quantity == 1
    assert TaskRecord.objects.count() == 0
    assert {path.name: path.read_text() for path in media.iterdir()} == {"old": "as it was"}
    assert (mail.outbox, tasks.world) == ([], [])
    assert [name for name in connection.introspection.table_names() if name.startswith("kept")] == []
    assert not media.with_name("media.kept").exists()


def test_all_is_left_as_it_was_after_a_fault(media):
    fault_of(tasks.append)
    assert list(media.iterdir()) == []
    assert TaskRecord.objects.count() == 0


def test_the_classic_bug_is_named_with_its_line():
    assert fault_of(tasks.charge_and_save, state=world).splitlines() == [
        "tests.tasks.crashing_tasks.charge_and_save, "
        f"killed before {FILE} `Order.objects.update(status=Order.Status.PAID)`, "
        f'coming from {FILE} `world.append("charged")`, and run again:',
        "state has 2 values, 1 expected.",
        "  found:    value='charged'",
    ]


def test_done_but_not_known_to_be_done():
    fault = fault_of(tasks.one_line)
    assert "killed after its last line, before the queue knew of it, and run again:" in fault
    assert fault.endswith("quantity is 3, 2 expected")


@pytest.mark.parametrize(
    ("task", "line", "difference"),
    [
        (tasks.insert_twice, 'file("two").touch()', "samples.Order has 3 rows, 2 expected."),
        (tasks.fail_the_second_time, 'file("two").touch()', "IntegrityError"),
        (tasks.append, "", "MEDIA_ROOT: name 'log': content is '14 bytes, "),
        (tasks.leave_a_file_behind, 'partial.rename(file("whole"))', "MEDIA_ROOT has 2 files, 1 expected."),
        (tasks.mail_before_the_mark, "Order.objects.update(status=Order.Status.PAID)", "tasks.TaskRecord has 2 rows"),
        (tasks.mail_at_once, "", "mail has 2 mails, 1 expected."),
        (tasks.enqueue_before_the_mark, "Order.objects.update(status=Order.Status.PAID)", "tasks.TaskRecord has 2"),
        (tasks.guard_in_the_cache, "", "quantity is 3, 2 expected"),
        (tasks.clean_up_in_finally, "try:", "auth.Group has 1 row, 0 expected."),
        (tasks.say_something_else, 'return "new" if is_new else "old"', "return value: value is 'old', 'new' expected"),
        (tasks.asynchronous, "", "quantity is 3, 2 expected"),
        (tasks.trust_no_checkpoint_is_late, "counted()", "quantity is 1, 2 expected"),
        (
            tasks.forget_the_time,
            "Group.objects.create(name=secrets.token_hex(4))",
            "auth.Group has 1 row, 2 expected.",
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_fault_is_found_at_its_line(task, line, difference):
    fault = fault_of(task)
    assert (f"killed before {FILE} `{line}`, coming from" if line else "killed after its last line") in fault
    assert difference in fault


def test_a_fault_in_the_last_pass_of_many():
    fault = fault_of(tasks.only_the_last_pass, 1000)
    assert "`for number in range(passes):` on pass 1001" in fault


def test_a_function_called_again_is_come_to_from_where_it_is_called():
    fault = fault_of(tasks.call_with_an_effect, state=world)
    before = f"{FILE} `Order.objects.update(status=Order.Status.PAID)` on pass 2"
    assert f'killed before {before}, coming from {FILE} `mark(world.append("sent"))`, and run again' in fault


def test_nobody_waits_for_the_transaction_of_the_dead():
    """Its cursor is still open."""
    seed_orders(3)
    assert crash_everywhere(tasks.write_while_reading).lines == 3


def test_a_file_of_a_crash_can_be_ignored():
    crash_everywhere(tasks.leave_a_file_behind, ignore=["*.partial"])


def test_a_column_and_a_table_can_be_ignored():
    crash_everywhere(tasks.one_line, ignore=["samples.Order.quantity"])
    crash_everywhere(tasks.one_line, ignore=["samples.Order"])


def test_a_second_attempt_knows_that_it_is_one():
    """Killed before its only line it says 2 where it said 1, and killed behind it, it says both."""
    assert "state: value is 2, 1 expected" in fault_of(tasks.say_which_attempt, state=world)


def test_a_task_that_goes_on_from_its_checkpoints():
    report = crash_everywhere(tasks.go_on, end=4)
    assert report.crashes == 2 * 14  # with each checkpoint in the database, and with none


def test_a_checkpoint_may_not_have_been_written():
    assert "state has 2 values, 1 expected" in fault_of(tasks.keep_a_key_in_a_checkpoint, state=world)


def test_a_checkpoint_in_a_transaction_is_written_after_it():
    assert "quantity is 5, 4 expected" in fault_of(tasks.trust_each_checkpoint)


def test_what_varies_by_itself_is_left_out_and_said():
    report = crash_everywhere(tasks.times_and_keys)
    assert report.not_compared == (
        "auth.Group.id",
        "return value.at",
        "return value.group",
        "samples.Order.placed_at",
        "samples.Order.sku",
    )


def test_what_cannot_be_compared_is_an_error():
    assert "Two undisturbed runs leave different states" in fault_of(tasks.different_each_time)


def test_a_task_that_fails_by_itself():
    fault = fault_of(tasks.fail)
    assert "does not end well, undisturbed" in fault
    assert "ValueError: as asked" in fault


def test_a_task_that_ends_the_process():
    assert "Its process died." in fault_of(tasks.exit_the_process)


def test_a_second_attempt_that_waits_for_ever(monkeypatch):
    monkeypatch.setattr(child, "LIMIT", 3.0)
    fault = fault_of(tasks.wait_for_what_the_dead_hold)
    assert f'before {FILE} `file("two").touch()`' in fault
    assert "did not end within 3 seconds" in fault


def test_what_is_never_run_again_is_refused():
    with pytest.raises(ValueError, match="never run again"):
        crash_everywhere(tasks.never_twice)


def test_another_backend_is_refused(settings):
    settings.TASKS = {
        "default": settings.TASKS["default"],
        "dummy": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"},
    }
    with pytest.raises(ValueError, match="not a task of DurableBackend"):
        crash_everywhere(tasks.another.using(backend="dummy"))


@pytest.mark.django_db(transaction=False)
def test_a_transaction_of_a_test_is_refused():
    with pytest.raises(RuntimeError, match="transaction=True"):
        crash_everywhere(tasks.right)


def test_a_database_in_memory_is_refused(monkeypatch):
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setattr(connection, "is_in_memory_db", lambda: True, raising=False)
    with pytest.raises(RuntimeError, match="in memory"):
        crash_everywhere(tasks.right)


class InDjangosOwnTestCase(TransactionTestCase):
    def test_it_works(self):
        assert crash_everywhere(tasks.right).lines == 10
