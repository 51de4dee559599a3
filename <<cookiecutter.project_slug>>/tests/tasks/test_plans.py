"""Every question that the queue asks goes through the index that is meant for it: neither sorts nor reads the table.

On SQLite with statistics and without: Django gathers none, and its planner decides otherwise where it has some.
"""

import re
import uuid
from contextlib import ExitStack
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone

from tasks import control
from tasks.house import nodes, pruning
from tasks.models import TaskRecord
from tasks.table import chains, conditions, counting, limits, queue, recovery, statements, tally
from tasks.table.statements import IS_SQLITE
from tests.tasks.sample_tasks import note, only_one

pytestmark = pytest.mark.django_db

ROWS = 1000
HOLDER = "node/boot/default-1/0"
CHAIN = uuid.uuid7()
BATCH = uuid.uuid7()
READS_ALL = re.compile(r"SCAN tasks_taskrecord(?! USING (COVERING )?INDEX tasks_)|Seq Scan on tasks_taskrecord")
SORTS = re.compile(r"USE TEMP B-TREE|Sort Key")
SORTS_WHAT_IS_EQUAL = re.compile(r"USE TEMP B-TREE FOR LAST TERM|Presorted Key")


@pytest.fixture(
    params=["statistics", "no statistics"] if IS_SQLITE else ["statistics"]
)  # PostgreSQL gathers them itself
def table(request):
    """Mostly finished tasks, some that wait, some for later, two that run."""
    now = timezone.now()
    rows = [note.using(queue_name="default" if number % 50 else "exports") for number in range(ROWS)]
    records = [
        TaskRecord(
            task=f"a.b.task_{number % 50}", backend="default", queue=task.queue_name, priority=number % 5, arguments={},
            enqueued_at=now, status="FAILED" if number % 10 == 0 else "SUCCESSFUL",
            finished_at=now - timedelta(hours=number),
        )
        for number, task in enumerate(rows)
    ]  # fmt: skip
    for record in records[-200:]:
        record.status, record.finished_at = "READY", None
    for record in records[-100:]:
        record.waits_until = now - timedelta(seconds=1)
    for record in records[-202:-200]:
        record.status, record.finished_at, record.attempt, record.claim = "RUNNING", None, 1, "node/old/default-1/0"
    for number, record in enumerate(records[:200]):
        record.unique_key, record.limit_key, record.limit_number = f"{number}", f"{number % 5}", 2
        record.chain = CHAIN if number < 100 else uuid.uuid7()
    for record in records[100:200]:
        record.status, record.finished_at, record.waits_until = "READY", None, limits.HELD_BY_LIMIT
    for record in records[50:100]:
        record.status, record.finished_at, record.waits_until = "READY", None, chains.HELD_BY_CHAIN
    for record in records[::100]:
        record.batch = BATCH
    TaskRecord.objects.bulk_create(records)
    with connection.cursor() as cursor:
        if request.param == "statistics":
            cursor.execute("ANALYZE tasks_taskrecord")
        if connection.vendor == "postgresql":  # it would rather read and sort a table as small as this one
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"
            )


def of(status):
    return TaskRecord.objects.filter(status=status)


QUESTIONS = {
    "claim": (lambda: queue.claim("default", HOLDER), "tasks_claimable"),
    "close a batch": (lambda: tally.close(BATCH), "tasks_of_batch"),
    "count up to": (lambda: counting.claimable("default", 64), "tasks_claimable"),
    "promote": (lambda: queue.promote(timezone.now()), "tasks_waiting"),
    "next due": (queue.next_due, "tasks_waiting"),
    "queues with work": (lambda: counting.queues_with_work(("default", "images")), "tasks_claimable"),
    "count ready": (counting.ready, "tasks_claimable"),
    "count running": (counting.running, "tasks_running"),
    "held": (lambda: queue.held(HOLDER), "tasks_running"),
    "recover": (lambda: recovery.recover("node", "node/boot"), "tasks_running"),
    "release": (lambda: recovery.release("node/old"), "tasks_running"),
    "what a dead node held": (lambda: recovery.take_back("node/old"), "tasks_running"),
    "which to prune": (lambda: pruning._last_to_go(of("SUCCESSFUL"), 14, 10), "tasks_finished"),
    "admit": (lambda: limits.admit({"3"}), "tasks_of_limit"),
    "keys with free places": (limits.admit_all, "tasks_of_limit"),
    "next of a chain": (lambda: chains.go_on(CHAIN, after=uuid.UUID(int=1)), "tasks_of_chain"),
    "rest of a chain": (lambda: chains.break_off(TaskRecord(pk=uuid.UUID(int=1), chain=CHAIN)), "tasks_of_chain"),
    "chain once more": (lambda: control.retry(TaskRecord(chain=CHAIN)), "tasks_of_chain"),
    "unique": (lambda: queue.find_unique("a.b.task_3", "153"), "tasks_unique"),
    "insert unique": (only_one.enqueue, ""),
    "prune": (lambda: pruning._delete_oldest(of("FAILED"), timezone.now()), "tasks_finished"),
}


if connection.vendor == "postgresql":
    QUESTIONS["boots of other nodes"] = (lambda: nodes.boots_with_tasks("node/boot"), "tasks_running")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_of_the_queue(table, question):
    ask, index = QUESTIONS[question]
    first, *others = plans(ask)

    assert index in first
    for plan in (first, *others):
        assert not READS_ALL.search(plan), plan
        assert not SORTS.search(plan) or SORTS_WHAT_IS_EQUAL.search(plan), plan


def test_a_claim_asks_once_whether_its_queue_is_paused(table):
    """Within the search it would be asked at every task that waits there."""
    plan = plans(QUESTIONS["claim"][0])[0]

    assert "One-Time Filter" in plan or plan.index("tasks_claimable") < plan.rindex("tasks_pausedqueue"), plan


@pytest.mark.parametrize("question", ["count ready", "count running", "which to prune"])
def test_a_count_reads_no_row(table, question):
    plan = plans(QUESTIONS[question][0])[0]

    assert "COVERING INDEX" in plan or "Index Only Scan" in plan, plan


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("state=ready", "tasks_claimable"),
        ("state=waiting", "tasks_waiting"),
        ("state=running", "tasks_running"),
        ("state=failed", "tasks_finished"),
        ("state=successful", "tasks_finished"),
        ("queue=exports", "tasks_of_queue"),
        ("task=a.b.task_3", "tasks_of_task"),
        (f"chain={CHAIN}", "tasks_of_chain"),
        (f"batch={BATCH}", "tasks_of_batch"),
        ("q=00000000-0000-7000-8000-000000000000", "_1 (id=?)" if connection.vendor == "sqlite" else "_pkey"),
    ],
)
def test_a_list_of_the_admin(table, admin_client, query, index):
    found = plans(lambda: admin_client.get(f"/admin/tasks/taskrecord/?{query}"))
    the_list = next(plan for plan in found if '"history"' not in plan and '"attempt"' in plan)

    assert index in the_list, the_list
    assert not READS_ALL.search(the_list), the_list
    assert not SORTS.search(the_list) or SORTS_WHAT_IS_EQUAL.search(the_list), the_list


def plans(ask):
    """Each statement on the table that it makes, with its plan."""
    asked = []

    def through_a_cursor(execute, sql, params, many, context):
        asked.append((sql, params, explain_through_a_cursor))
        return execute(sql, params, many, context)

    def to_the_driver(sql, params):
        asked.append((sql, params, statements.execute))
        return statements.execute(sql, params)

    with ExitStack() as stack:
        stack.enter_context(connection.execute_wrapper(through_a_cursor))
        for module in (queue, limits, conditions, tally):
            stack.enter_context(patch.object(module, "execute", to_the_driver))
        ask()
    words = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    found = [
        "\n".join([sql, *(str(row[-1]) for row in explain(f"{words} {sql}", params).fetchall())])
        for sql, params, explain in asked
        if "tasks_taskrecord" in sql
    ]
    assert found
    return found


def explain_through_a_cursor(sql, params):
    cursor = connection.cursor()
    cursor.execute(sql, params)
    return cursor
