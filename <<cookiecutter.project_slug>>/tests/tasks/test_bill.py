"""What an attempt cost: counted from its first line to its last, and written with its end."""

import time
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.tasks import task

from tasks.records import bill
from tasks.records.bill import Meter
from tasks.staff.in_words import bill_in_words
from tasks.table import queue
from tasks.worker.attempt import Attempt
from tests.tasks.sample_tasks import fail_three_times, note

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_was_short(monkeypatch):
    monkeypatch.setattr(bill, "_short", set())


@task
def count_users(times: int) -> None:
    for _ in range(times):
        User.objects.count()
    User.objects.filter(username="ada").exists()


@task
async def count_users_later() -> int:
    return await sync_to_async(User.objects.count)()


@task
def enqueue_another() -> None:
    note.enqueue()


@task
def sleep() -> None:
    time.sleep(0.05)


@task
def take_memory(size: int) -> None:
    bytearray(size)[::4096]


@task
def ask_for_nonsense() -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")
    except DatabaseError:
        pass


def test_queries_are_counted_and_the_most_repeated_is_named(run_one):
    count_users.enqueue(3)
    paid = run_one().bill

    assert paid["queries"] == 4
    assert paid["sql_seconds"] > 0
    assert paid["repeated"]["times"] == 3
    assert "COUNT(*)" in paid["repeated"]["sql"]


def test_a_statement_that_comes_once_is_not_repeated(run_one):
    count_users.enqueue(1)
    assert "repeated" not in run_one().bill


def test_queries_of_an_async_task_are_counted(run_one):
    count_users_later.enqueue()
    assert run_one().bill["queries"] == 1


def test_the_engine_s_own_statements_are_not_the_task_s(run_one):
    enqueue_another.enqueue()
    assert "queries" not in run_one().bill


def test_a_statement_that_fails_is_counted(run_one):
    ask_for_nonsense.enqueue()
    assert run_one().bill["queries"] == 4  # SAVEPOINT, the statement, ROLLBACK TO SAVEPOINT, RELEASE


def test_what_comes_after_the_task_is_not_counted(run_one):
    count_users.enqueue(1)
    claimed = queue.claim("default", "holder")
    attempt = Attempt(claimed)
    attempt.run()
    User.objects.count()

    assert attempt.meter.queries == 2


def test_waiting_is_no_cpu_time(run_one):
    sleep.enqueue()
    paid = run_one().bill

    assert paid["waiting"] >= 0.045
    assert paid["cpu"] < paid["waiting"]


def test_new_memory_is_counted(run_one):
    take_memory.enqueue(64 * 2**20)
    assert run_one().bill["memory"] >= 8 * 2**20  # huge pages count as small ones


def test_each_attempt_has_its_own(run_one):
    fail_three_times.enqueue()
    for _ in range(3):
        record = run_one()

    bills = [end["bill"] for end in record.history]
    assert [{"cpu", "waiting"} <= set(bill) for bill in bills] == [True] * 3
    assert all(bill["cpu"] >= 0 for bill in bills)
    assert record.bill is None


def test_only_so_many_statements_are_told_apart(monkeypatch):
    monkeypatch.setattr(bill, "DIFFERENT_SQL", 2)
    meter = Meter("a.task")
    for sql in ("a", "b", "c", "c", "c", "b"):
        meter.count(sql, 0.001)

    assert (meter.queries, meter.statements) == (6, {"a": 1, "b": 2})


def test_a_long_statement_is_cut():
    meter = Meter("a.task")
    for _ in range(2):
        meter.count("x" * 100_000, 0.001)

    assert len(meter._queries()["repeated"]["sql"]) == bill.KEPT_SQL
    assert len(next(iter(meter.statements))) == bill.LONGEST_SQL


def test_what_the_kernel_says_becomes_bytes(monkeypatch):
    said = iter([(10, 0, 0), (12, 3, 4)])
    names = ("ru_minflt", "ru_inblock", "ru_oublock")
    monkeypatch.setattr(bill, "getrusage", lambda _: SimpleNamespace(**dict(zip(names, next(said), strict=True))))
    meter = Meter("a.task")
    meter.start()
    meter.stop()

    assert meter.bill().items() >= {"memory": 2 * bill.PAGE, "read": 3 * 512, "written": 4 * 512}.items()


def test_a_task_that_was_short_is_asked_for_its_times_only(run_one, monkeypatch):
    monkeypatch.setattr(bill, "SHORT", 60 * 10**9)
    bills = []
    for _ in range(2):
        take_memory.enqueue(64 * 2**20)
        bills.append(run_one().bill)

    assert "memory" in bills[0]
    assert set(bills[1]) == {"cpu", "waiting"}
    assert bills[1]["cpu"] > 0


def test_a_task_that_was_long_is_asked_again(run_one, monkeypatch):
    monkeypatch.setattr(bill, "_short", {take_memory.module_path})
    bills = []
    for _ in range(2):
        take_memory.enqueue(64 * 2**20)
        bills.append(run_one().bill)

    assert "memory" not in bills[0]
    assert "memory" in bills[1]


def test_what_has_not_begun_costs_nothing():
    meter = Meter("a.task")
    meter.stop()

    assert (meter.bill(), meter.as_json()) == ({}, None)


def test_a_bill_in_words():
    paid = {
        "cpu": 1.5, "waiting": 0.0025, "queries": 1200, "sql_seconds": 0.2, "memory": 2**20, "written": 512,
        "repeated": {"sql": "SELECT 1", "times": 1100},
    }  # fmt: skip

    assert bill_in_words(paid) == [
        "1.50 s of CPU, 2.5 ms of waiting, 1,200 queries in 200.0 ms, 1.0\xa0MB of new memory, 512\xa0bytes written",
        "1,100 times: SELECT 1",
    ]
    assert bill_in_words(None) == bill_in_words({}) == []
