"""What PostgreSQL writes down for benchmarks/nodes.py: each change of a task's state and of a schedule's next tick.

By triggers, within the change's own transaction, with the server's clock: nothing is sampled, and what was rolled back
is not there. A task that could be claimed only after another one had ended is always written down after that end.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

TRIGGERS = """
CREATE TABLE task_changes (
    number bigserial, at timestamptz DEFAULT clock_timestamp(), transaction xid8 DEFAULT pg_current_xact_id(),
    id uuid, task text, unique_key text, limit_key text, limit_number int, was text, now text, claim text
);
CREATE TABLE ticks (
    number bigserial, at timestamptz DEFAULT clock_timestamp(), transaction xid8 DEFAULT pg_current_xact_id(),
    name text, due timestamptz, following timestamptz
);
CREATE FUNCTION note_task() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO task_changes (id, task, unique_key, limit_key, limit_number, was, now, claim)
    VALUES (NEW.id, NEW.task, NEW.unique_key, NEW.limit_key, NEW.limit_number,
            CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status, NEW.claim);
    RETURN NULL;
END $$;
CREATE FUNCTION note_tick() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.next_run IS DISTINCT FROM NEW.next_run THEN
        INSERT INTO ticks (name, due, following) VALUES (NEW.name, OLD.next_run, NEW.next_run);
    END IF;
    RETURN NULL;
END $$;
CREATE TABLE probe (at timestamptz DEFAULT clock_timestamp());
CREATE TRIGGER note AFTER INSERT OR UPDATE OF status ON tasks_taskrecord FOR EACH ROW EXECUTE FUNCTION note_task();
CREATE TRIGGER note AFTER UPDATE ON tasks_schedule FOR EACH ROW EXECUTE FUNCTION note_tick();
"""


@dataclass(frozen=True, slots=True)
class Change:
    """Of a task's state."""

    at: datetime
    transaction: int
    id: UUID
    task: str
    unique_key: str | None
    limit_key: str | None
    limit_number: int | None
    was: str | None  # None: it is new
    now: str
    claim: str | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A schedule that was taken as due, or stopped (`following` is None)."""

    at: datetime
    transaction: int
    name: str
    due: datetime
    following: datetime | None


class Probe(threading.Thread):
    """Commits ten rows a second, from this process: where that stands still, it is the machine that does."""

    LONGEST = timedelta(seconds=0.5)

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.over = address, threading.Event()
        self.stalls: list[tuple[datetime, datetime]] = []

    def run(self) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            last = datetime.now(UTC)
            while not self.over.wait(0.1):
                connection.execute("INSERT INTO probe DEFAULT VALUES")
                now = datetime.now(UTC)
                if now - last > self.LONGEST:
                    self.stalls.append((last, now))
                last = now

    def stop(self) -> None:
        self.over.set()
        self.join()


def query(address: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def changes(address: str) -> list[Change]:
    """In their order."""
    columns = "at, transaction::text::bigint, id, task, unique_key, limit_key, limit_number, was, now, claim"
    return [Change(*row) for row in query(address, f"SELECT {columns} FROM task_changes ORDER BY at, number")]


def ticks(address: str) -> list[Tick]:
    columns = "at, transaction::text::bigint, name, due, following"
    found = query(address, f"SELECT {columns} FROM ticks WHERE due IS NOT NULL ORDER BY at, number")
    return [Tick(*row) for row in found]
