"""The statements of the queue, and their short way to the driver.

Through a Django cursor a task that waits for nothing costs twice as much: its query is parsed for placeholders each
time, and every date is read back. Errors, transactions and connections stay Django's.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection

IS_SQLITE = connection.vendor == "sqlite"
SKIP_LOCKED = "" if IS_SQLITE else "FOR UPDATE SKIP LOCKED"


def execute(statement: str, values: Sequence[Any]) -> Any:
    """Run one of the statements below; returns the driver's cursor. Raises Django's database errors."""
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return connection.connection.execute(statement, values)


@contextmanager
def one_commit() -> Iterator[Any]:
    """Gives the driver's connection: what is executed there within the block is written with one commit.

    In a transaction that is open already, a test's, it is that one's.
    """
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.in_atomic_block:
            yield connection.connection
            return
        connection.connection.execute("BEGIN IMMEDIATE" if IS_SQLITE else "BEGIN")
        try:
            yield connection.connection
            connection.connection.execute("COMMIT")
        except BaseException:
            connection.close()  # which rolls back
            raise


def key(task_id: uuid.UUID) -> uuid.UUID | str:
    """A task's id as the driver takes it."""
    return task_id.hex if IS_SQLITE else task_id


def moment(value: datetime | None) -> datetime | str | None:
    """A time as the driver takes it: SQLite keeps a text in UTC, as Django writes it."""
    return str(value.astimezone(UTC).replace(tzinfo=None)) if IS_SQLITE and value else value


def read_key(value: Any) -> uuid.UUID:
    return uuid.UUID(value) if IS_SQLITE else value


def read_moment(value: Any) -> Any:
    """A time as the driver gives it."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if IS_SQLITE and value else value


def _for_driver(statement: str) -> str:
    return statement.replace("%s", "?") if IS_SQLITE else statement


# The literals in the statements let both databases use the partial indexes.

# The columns of a new task, in the order of rows.values_of.
NEW = """id, task, backend, queue, priority, arguments, run_after, waits_until, enqueued_at, fail_if_lost, batch,
         origin, unique_key, limit_key, limit_number, chain"""
_SLOTS = ", ".join("%s" for _ in NEW.split(","))
INSERT = f"INSERT INTO tasks_taskrecord ({NEW}) VALUES "  # noqa: S608  constants
INSERT_ROW = _for_driver(f"({_SLOTS})")
UNLESS_THERE = " ON CONFLICT DO NOTHING RETURNING id"  # for a task with a unique_key
TEXT = " || ''" if IS_SQLITE else ""  # an expression comes as it is stored, a column through Django's converters
INSERT_CLAIMED = _for_driver(f"""
INSERT INTO tasks_taskrecord ({NEW}, status, claim, attempt, started_at, last_attempted_at)
SELECT {_SLOTS}, 'RUNNING', %s, 1, %s, %s
 WHERE NOT EXISTS (SELECT 1 FROM tasks_pausedqueue WHERE name = %s)
""")  # noqa: S608
# What is read of a row, in the order of rows.ClaimedTask.
COLUMNS = f"""id, task, backend, queue, priority, arguments, enqueued_at{TEXT}, started_at{TEXT},
              last_attempted_at{TEXT}, claim, run_after{TEXT}, attempt, deaths, checkpoint, history, limit_key, chain,
              batch, cancelled"""
# The pause is asked about once, outside: within the search SQLite asks at every task that waits in a paused queue.
CLAIM = _for_driver(f"""
UPDATE tasks_taskrecord
   SET status = 'RUNNING', claim = %s, attempt = attempt + 1, last_attempted_at = %s,
       started_at = COALESCE(started_at, %s)
 WHERE NOT EXISTS (SELECT 1 FROM tasks_pausedqueue WHERE name = %s) AND id = (
    SELECT id FROM tasks_taskrecord
     WHERE status = 'READY' AND waits_until IS NULL AND queue = %s
     ORDER BY priority DESC, id LIMIT 1 {SKIP_LOCKED}
 )
RETURNING {COLUMNS}
""")  # noqa: S608  constants
HELD = _for_driver(f"SELECT {COLUMNS} FROM tasks_taskrecord WHERE claim = %s AND status = 'RUNNING'")  # noqa: S608
_FIND = f"SELECT {COLUMNS}, status, worker, finished_at{TEXT}, return_value FROM tasks_taskrecord"  # noqa: S608
FIND = _for_driver(f"{_FIND} WHERE id = %s")
FIND_UNIQUE = _for_driver(f"{_FIND} WHERE task = %s AND unique_key = %s AND finished_at IS NULL")
SUCCEED = _for_driver("""
UPDATE tasks_taskrecord
   SET status = 'SUCCESSFUL', return_value = %s, bill = %s, finished_at = %s, worker = claim, claim = NULL
 WHERE id = %s AND claim = %s AND status = 'RUNNING'
""")

# Of tasks with a limit (limits.py)

IN_LINE = "limit_key = %s AND waits_until = %s AND finished_at IS NULL"
HAVE_A_PLACE = "waits_until IS NULL AND finished_at IS NULL"
# The first in line gets a place if there is one: nobody overtakes, and nobody else in the line is looked at.
# Where tasks name different numbers for a key, the number of each that has a place is kept to.
ADMIT = _for_driver(f"""
UPDATE tasks_taskrecord AS first SET waits_until = NULL
 WHERE id = (
    SELECT id FROM tasks_taskrecord WHERE {IN_LINE} ORDER BY priority DESC, id LIMIT 1 {SKIP_LOCKED}
 ) AND (
    SELECT COUNT(*) < first.limit_number AND COUNT(*) < COALESCE(MIN(inside.limit_number), 1)
      FROM tasks_taskrecord AS inside WHERE limit_key = %s AND {HAVE_A_PLACE}
 )
RETURNING queue
""")  # noqa: S608
# One look for each key in which somebody waits. DISTINCT would read everybody who does.
KEYS_WITH_FREE_PLACES = _for_driver(f"""
WITH RECURSIVE line(limit_key) AS (
    SELECT MIN(limit_key) FROM tasks_taskrecord
     WHERE limit_key IS NOT NULL AND waits_until = %s AND finished_at IS NULL
    UNION ALL
    SELECT (
        SELECT MIN(task.limit_key) FROM tasks_taskrecord AS task
         WHERE task.limit_key > line.limit_key AND waits_until = %s AND finished_at IS NULL
    ) FROM line WHERE line.limit_key IS NOT NULL
)
SELECT limit_key FROM line
 WHERE (
    SELECT limit_number FROM tasks_taskrecord AS first
     WHERE first.limit_key = line.limit_key AND waits_until = %s AND finished_at IS NULL
     ORDER BY priority DESC, id LIMIT 1
 ) > (SELECT COUNT(*) FROM tasks_taskrecord AS task WHERE task.limit_key = line.limit_key AND {HAVE_A_PLACE})
""")  # noqa: S608

# Of batches (tally.py). One that is done is counted no more.

_COUNT = """
UPDATE tasks_batchrecord SET {} WHERE id = %s AND finished_at IS NULL RETURNING total - successful - failed
"""
COUNT_END = {
    "SUCCESSFUL": _for_driver(_COUNT.format("successful = successful + 1")),
    "FAILED": _for_driver(_COUNT.format("failed = failed + 1")),
}
COUNT_AGAIN = _for_driver(_COUNT.format("failed = failed - 1"))
CLOSE_BATCH = _for_driver(_COUNT.format("total = (SELECT COUNT(*) FROM tasks_taskrecord WHERE batch = %s)"))
