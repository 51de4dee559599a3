"""What /readyz and the start find out about database and disk."""

import asyncio
import contextlib
import resource
import sqlite3

import pytest

from runtime.observe import storage as storages
from runtime.observe.storage import Question, Storage, try_folder, try_sqlite
from runtime.shared.plan import StartError
from tests.runtime.make import make_plan


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "a ? b.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE one (id)")
    return path


@pytest.fixture
def storage(database, tmp_path):
    return Storage(make_plan(tmp_path, database_file=str(database)))


def test_nothing_is_wrong_and_nothing_is_left_behind(storage, database, tmp_path):
    assert asyncio.run(storage.problems()) == []
    assert list(tmp_path.iterdir()) == [database]


def test_another_writer_may_take_a_moment_but_not_longer(database, monkeypatch):
    monkeypatch.setattr(storages, "LOCKED_FOR", 0.01)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert try_sqlite(database) == "database is locked"
        writer.execute("COMMIT")
        assert try_sqlite(database) == ""


def test_a_database_that_is_gone_is_not_made_anew(storage, database):
    database.unlink()

    assert asyncio.run(storage.problems()) == ["the database: unable to open database file"]
    assert not database.exists()


def test_a_folder_that_takes_nothing_or_too_little(tmp_path):
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (storages.ROOM - 1, usual[1]))
    try:
        assert try_folder(tmp_path) == "File too large"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert try_folder(tmp_path) == ""
    assert try_folder(tmp_path / "gone") == "No such file or directory"


def test_postgresql_that_cannot_be_reached_is_described_without_details(tmp_path):
    plan = make_plan(tmp_path, database="postgresql", database_address=f"host={tmp_path} user=secret")

    assert asyncio.run(Storage(plan).problems()) == ["the database: it cannot be reached"]


def test_postgresql_that_takes_no_writes(address, tmp_path):
    plan = make_plan(tmp_path, database="postgresql", database_address=address)
    assert asyncio.run(Storage(plan).problems()) == []
    read_only = make_plan(
        tmp_path, database_address=f"{address}&options=-c%20default_transaction_read_only%3Don", database="postgresql"
    )
    assert asyncio.run(Storage(read_only).problems()) == ["the database: it is read-only"]


class Attempt:
    """Something to try that comes back when it is told to."""

    def __init__(self):
        self.number, self.go = 0, asyncio.Event()

    async def __call__(self):
        self.number += 1
        await self.go.wait()
        return f"answer {self.number}"


def test_however_many_ask_it_is_tried_once():
    async def ask():
        question = Question("it", attempt := Attempt())
        asking = [asyncio.create_task(question.ask()) for _ in range(10)]
        await asyncio.sleep(0)
        attempt.go.set()
        return {await each for each in asking} | {await question.ask()}, attempt.number

    assert asyncio.run(ask()) == ({"it: answer 1"}, 1)


def test_it_is_tried_again_when_the_answer_is_old(monkeypatch):
    async def ask():
        question = Question("it", attempt := Attempt())
        attempt.go.set()
        monkeypatch.setattr(storages, "FRESH", 0)
        return [await question.ask(), await question.ask()]

    assert asyncio.run(ask()) == ["it: answer 1", "it: answer 2"]


def test_what_hangs_is_told_and_not_tried_a_second_time(monkeypatch):
    async def ask():
        question = Question("it", attempt := Attempt())
        monkeypatch.setattr(storages, "PATIENCE", 0)
        monkeypatch.setattr(storages, "FRESH", 0)
        return [await question.ask(), await question.ask()], attempt.number

    assert asyncio.run(ask()) == (["it: no answer"] * 2, 1)


@pytest.mark.parametrize("known", ["", "it is read-only"])
def test_a_try_that_gets_no_memory_says_nothing_of_what_is_tried(monkeypatch, known):
    async def ask():
        tries = iter([lambda: known, lambda: bytearray(2**62)])
        question = Question("it", lambda: asyncio.to_thread(next(tries)))
        monkeypatch.setattr(storages, "FRESH", 0)
        return await question.ask(), await question.ask()

    assert asyncio.run(ask()) == (known and f"it: {known}",) * 2


def test_a_start_gives_up_one_day(tmp_path, monkeypatch):
    monkeypatch.setattr(storages, "START_PATIENCE", 2)
    monkeypatch.setattr(storages, "FRESH", 0)
    plan = make_plan(tmp_path, database="postgresql", database_address=f"host={tmp_path}")

    with pytest.raises(StartError, match="DATABASE_URL: the database has not answered within 2 s"):
        asyncio.run(Storage(plan).wait())


def test_a_start_on_sqlite_does_not_wait(tmp_path):
    asyncio.run(Storage(make_plan(tmp_path, database_file=str(tmp_path / "not yet"))).wait())
