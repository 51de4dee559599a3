"""What a failed attempt leaves for staff: locals, chain, log lines; bounded, without secrets, and harmless."""

import json
import logging
import threading
from collections import deque
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.tasks import task
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.debug import sensitive_variables

from runtime.interpreter.watchdog import Watchdog
from tasks.models import TaskRecord, TaskReport
from tasks.records import log_lines, report, values
from tasks.table import queue
from tasks.worker import loop
from tasks.worker.attempt import Attempt
from tests.tasks.sample_tasks import fail, fail_and_wait

pytestmark = pytest.mark.django_db

logger = logging.getLogger("tests")


class Speechless:
    def __init__(self, error=ValueError):
        self.error = error

    def __repr__(self):
        raise self.error("no text")


class Endless:
    def __repr__(self):
        while True:
            pass


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no text")


STRANGE = {
    "speechless": Speechless(),
    "exits": Speechless(SystemExit),
    "large": list(range(10_000_000)),
    "long": "x" * 10_000_000,
    "huge": 10**100_000,
    "text": "a\0b\udc80",
}
STARS = SafeExceptionReporterFilter.cleansed_substitute


@pytest.fixture(autouse=True)
def listening():
    log_lines.listen()
    yield
    logging.getLogger().removeHandler(log_lines.listener)


@task
def divide(numbers: list[int], by: int) -> float:
    total = sum(numbers)
    logger.info("dividing %s", total)
    logger.warning("by %s", by)
    try:
        return total / by
    except ZeroDivisionError as error:
        raise ValueError("no average") from error


@task
def sign_in(name: str) -> None:
    password, account = f"{name}-1234", {"name": name, "api_key": "abcd", "more": [{"token": "efgh"}]}
    raise LookupError(len(password), len(account))


@task
@sensitive_variables("card")
def pay(card: str) -> None:
    shop = "corner"
    raise LookupError(len(card), len(shop))


@task
def hold(what: str) -> None:
    value = STRANGE[what]
    raise LookupError(type(value).__name__)


@task
def recurse(text: str) -> None:
    recurse.call(text + "x")


@task
def ask_later() -> None:
    users = User.objects.all()
    raise LookupError(type(users).__name__)


@task
def raise_unspeakable() -> None:
    raise Unspeakable


@task
def hold_endless() -> None:
    before, endless = 1, Endless()
    raise LookupError(before, type(endless).__name__)


@task
def log_much() -> None:
    for number in range(200):
        logger.info("%s %s", number, "x" * 10_000)
    raise LookupError


@task
def log_badly() -> None:
    logger.info("%s")
    logger.info("%d", "x")
    raise LookupError


@pytest.fixture
def report_of(run_one):
    def made(task, *arguments):
        result = task.enqueue(*arguments)
        assert run_one().history
        return TaskReport.objects.get(task_id=result.id).content

    return made


def locals_of(content):
    """Of the innermost frame of the last error."""
    return dict(content["errors"][-1]["frames"][-1]["locals"])


def test_the_chain_of_errors_with_locals_and_code(report_of):
    first, last = report_of(divide, [1, 2], 0)["errors"]

    assert (first["type"], first["link"]) == ("builtins.ZeroDivisionError", "")
    assert (last["type"], last["message"], last["link"]) == ("builtins.ValueError", "no average", "cause")
    [frame] = last["frames"]  # none of the engine's
    assert frame["function"] == "divide"
    assert [line["text"].strip() for line in frame["code"] if line["here"]] == [
        'raise ValueError("no average") from error'
    ]
    assert dict(frame["locals"]) | {"numbers": "[1, 2]", "by": "0", "total": "3"} == dict(frame["locals"])


def test_the_last_log_lines_are_the_task_s_own(report_of):
    elsewhere = threading.Thread(target=logger.warning, args=("of another thread",))
    logger.warning("before")
    elsewhere.start()
    elsewhere.join()
    lines = report_of(divide, [1, 2], 0)["lines"]

    assert [line.partition(" ")[2] for line in lines] == ["INFO tests: dividing 3", "WARNING tests: by 0"]


def test_log_lines_are_few_and_short(report_of):
    lines = report_of(log_much)["lines"]

    assert len(lines) == log_lines.MOST
    assert "199 x" in lines[-1]
    assert max(map(len, lines)) < log_lines.LONGEST + 60


def test_a_log_call_that_is_wrong_changes_nothing(report_of, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)  # pytest's own handler would raise
    assert report_of(log_badly)["errors"][0]["type"] == "builtins.LookupError"


def test_what_looks_like_a_secret_is_not_shown(report_of):
    shown = locals_of(report_of(sign_in, "ada"))

    assert shown["name"] == "'ada'"
    assert shown["password"] == repr(STARS)
    assert shown["account"] == repr({"name": "ada", "api_key": STARS, "more": [{"token": STARS}]})


def test_sensitive_variables_are_not_shown(report_of):
    content = report_of(pay, "4111-1111")

    assert locals_of(content)["card"] == repr(STARS)
    assert locals_of(content)["shop"] == "'corner'"
    assert "4111" not in json.dumps(content)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("speechless", "<Speechless: cannot be shown, ValueError>"),
        ("exits", "<Speechless: cannot be shown, SystemExit>"),
        ("large", "… 9,999,980 more]"),
        ("long", "… (length 10,000,000)"),
        ("huge", "<int of 332,193 bits>"),
        ("text", "'a\\x00b\\udc80'"),
    ],
)
def test_no_value_is_too_strange(report_of, what, expected):
    text = locals_of(report_of(hold, what))["value"]

    assert text.endswith(expected)
    assert len(text) < values.LONGEST + 100


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({1: "a", ("b",): {2}}, "{1: 'a', ('b',): set([2])}"),
        (deque([1]), "[1]"),
        ([[[[[5]]]]], "[[[[…]]]]"),
        (b"ab", "b'ab'"),
        ({str(number): 0 for number in range(21)}, "'19': 0, … 1 more: …}"),
        ((True, None, 1.5), "(True, None, 1.5)"),
    ],
)
def test_values_in_short(value, expected):
    assert values.as_text("value", value, SafeExceptionReporterFilter()).endswith(expected)


def test_a_query_set_is_not_evaluated(report_of, django_assert_num_queries):
    asked = User.objects.all()
    with django_assert_num_queries(0):
        assert values.as_text("users", asked, SafeExceptionReporterFilter()) == "<QuerySet of User, not evaluated>"
    assert locals_of(report_of(ask_later))["users"] == "<QuerySet of User, not evaluated>"


def test_a_report_is_bounded(report_of):
    content = report_of(recurse, "x" * 900)
    [error] = content["errors"]

    assert len(error["frames"]) == report.MOST_FRAMES
    assert error["left_out"] > 500
    assert len(json.dumps(content)) < 150_000


def test_without_time_there_are_no_more_values(report_of, monkeypatch):
    monkeypatch.setattr(report, "SECONDS", -1.0)
    assert locals_of(report_of(divide, [1], 0)) == {"…": "no more room or time"}


def test_a_value_that_never_answers_is_given_up(seat, monkeypatch):
    """The watchdog ends it, as it ends a task; what was there before is kept."""
    monkeypatch.setattr(report, "SECONDS", 0.1)
    watchdog = Watchdog(seat.assignment.watch, threads=1)
    watchdog.start()
    hold_endless.enqueue()
    seat.busy()
    claimed = queue.claim("default", "holder")
    assert Attempt(claimed, seat, partial(loop.guard, watchdog, seat, 60.0)).run() == "failed"
    watchdog.leave()

    assert locals_of(TaskReport.objects.get().content) == {"before": "1"}


def test_what_ran_out_of_memory_has_log_lines_only(report_of):
    assert report_of(fail, "MemoryError") == {"errors": [], "lines": []}


def test_an_error_without_a_text_fails_its_task_only(report_of, run_one):
    content = report_of(raise_unspeakable)

    assert content["errors"][0]["message"] == "<cannot be shown, ValueError>"
    assert TaskRecord.objects.get().history[0]["message"] == "<cannot be shown, ValueError>"


def test_a_report_that_cannot_be_written_changes_nothing(run_one, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise DatabaseError("full")

    monkeypatch.setattr(report.TaskReport.objects, "filter", refuse)
    fail.enqueue()

    assert run_one().status == "FAILED"
    assert "the report of" in caplog.text


def test_the_last_reports_of_a_task_are_kept(run_one, monkeypatch):
    monkeypatch.setattr(report, "KEPT", 2)
    fail_and_wait.enqueue()
    for _ in range(3):
        TaskRecord.objects.update(waits_until=None)
        run_one()

    assert list(TaskReport.objects.order_by("attempt").values_list("attempt", flat=True)) == [2, 3]


def test_a_report_goes_with_its_task(report_of):
    report_of(divide, [1], 0)
    TaskRecord.objects.all().delete()

    assert not TaskReport.objects.exists()


def test_success_leaves_none(run_one):
    divide.enqueue([1], 1)
    assert run_one().status == "SUCCESSFUL"
    assert not TaskReport.objects.exists()


def test_staff_reads_it_on_the_page_of_the_task(report_of, admin_client):
    report_of(divide, [1, 2], 0)
    page = admin_client.get(f"/admin/tasks/taskrecord/{TaskRecord.objects.get().pk}/change/").content.decode()

    assert "raised because of the one above" in page
    assert "<code>total</code>" in page
    assert "INFO tests: dividing 3" in page
    assert "of CPU" in page


def test_the_public_json_has_none_of_it(report_of, admin_client):
    report_of(divide, [1, 2], 0)
    answer = admin_client.get(f"/api/tasks/{TaskRecord.objects.get().pk}/")

    assert "dividing" not in answer.text
    assert set(answer.json()["error"]) == {"type", "message"}
