"""What the nodes on one PostgreSQL see and hear of each other, on a real one."""

import asyncio
import contextlib

import psycopg
import pytest

from runtime.shared.plan import WorkerPool
from runtime.supervise.peers import Peers, lock_of
from tasks.house.nodes import ADVISORY_LOCKS
from tasks.table.wakeup import announcement
from tests.runtime.make import make_plan
from tests.runtime.on_loop import on_the_loop

POOL = WorkerPool(name="default", queues=("default",))


class Node:
    """One node's peers, and what they pass on."""

    def __init__(self, folder, address, boot="node/boot", **fields):
        self.heard = []
        self.news = asyncio.Event()
        self.peers = Peers(make_plan(folder, POOL, database_address=address, **fields), boot, self.pass_on)

    def pass_on(self, message, number):
        self.heard.append((message, number))
        self.news.set()

    async def hears(self, *expected):
        while self.heard[-len(expected) :] != list(expected):
            self.news.clear()
            await self.news.wait()


@contextlib.asynccontextmanager
async def started(*arguments, **fields):
    node = Node(*arguments, **fields)
    await node.peers.start()
    try:
        yield node
    finally:
        await node.peers.stop()


def execute(address, statement, *parameters):
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(statement, parameters).fetchall()


def held(address):
    return {high * 2**32 + low for high, low in execute(address, ADVISORY_LOCKS)}


def notify(address, *payloads):
    for payload in payloads:
        execute(address, "SELECT pg_notify('tasks', %s)", payload)


def end_others(address):
    execute(address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                     " AND pid <> pg_backend_pid()")  # fmt: skip


@on_the_loop
async def test_a_node_is_seen_to_live_from_its_start_to_its_stop(tmp_path, address):
    async with started(tmp_path, address, "node/seen"):
        assert lock_of("node/seen") in held(address)

    while lock_of("node/seen") in held(address):  # its session ends in a moment
        await asyncio.sleep(0.01)


@on_the_loop
async def test_a_second_session_of_a_boot_does_not_wait_for_the_first_one_s_end(tmp_path, address):
    async with started(tmp_path, address), started(tmp_path, address):
        assert lock_of("node/boot") in held(address)


@on_the_loop
async def test_what_others_announce_is_heard_and_what_this_node_announced_is_not(tmp_path, address):
    async with started(tmp_path, address) as node:
        notify(address, "node/boot 1 - queue default", "other/boot 3 a queue the default", "- 1 b due")

        await node.hears(("queue the default", 3), ("due", 1))
        assert node.heard == [("due", 1), ("queue the default", 3), ("due", 1)]  # the first one of its own connection


@on_the_loop
async def test_each_task_of_a_transaction_is_announced(tmp_path, address):
    async with started(tmp_path, address) as node:
        with psycopg.connect(address) as connection:
            for _ in range(2):
                connection.execute("SELECT pg_notify('tasks', %s)", [announcement("queue default")])
            assert node.heard == [("due", 1)]  # nothing before the commit

        await node.hears(("queue default", 1), ("queue default", 1))


@on_the_loop
async def test_what_somebody_else_notifies_on_the_channel_is_survived(tmp_path, address):
    async with started(tmp_path, address) as node:
        notify(address, "", "x", "a b c d", "a 9999999999 b queue default", "\N{PILE OF POO}", "- 1 - due")

        await node.hears(("due", 1), ("due", 1))


@on_the_loop
async def test_a_connection_that_is_ended_is_made_again(tmp_path, address):
    async with started(tmp_path, address) as node:
        for _ in range(3):
            end_others(address)
            await node.hears(("due", 1))
            node.heard.clear()
        await node.peers.connected.wait()
        assert lock_of("node/boot") in held(address)
        notify(address, "other/boot 1 - queue default")

        await node.hears(("queue default", 1))


@on_the_loop
async def test_the_session_may_be_idle_for_ever(tmp_path, address, monkeypatch):
    asked = asyncio.get_running_loop().create_future()

    async def ask(self, pgconn):
        cursor = await psycopg.AsyncConnection(pgconn).execute("SHOW idle_session_timeout")
        asked.set_result((await cursor.fetchone())[0])
        await asyncio.Event().wait()

    monkeypatch.setattr(Peers, "_hear", ask)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER DATABASE test_peers SET idle_session_timeout = '1h'")
        async with started(tmp_path, address):
            assert await asked == "0"
        connection.execute("ALTER DATABASE test_peers RESET idle_session_timeout")


@on_the_loop
async def test_a_start_waits_for_the_database_and_says_so_once(tmp_path, address, caplog):
    node = Node(tmp_path, f"host={tmp_path} dbname=none")
    start = asyncio.create_task(node.peers.start())
    while "nodes_disconnected" not in caplog.text:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)  # for more tries
    assert not start.done()
    node.peers.address = address
    await start
    await node.peers.stop()

    assert caplog.text.count("nodes_disconnected") == 1


@pytest.mark.parametrize(("database", "roles"), [("", ("web", "workers")), ("host=/nowhere", ("web",))])
@on_the_loop
async def test_without_other_nodes_or_tasks_to_hold_there_is_no_connection(tmp_path, database, roles):
    async with started(tmp_path, database, roles=roles) as node:
        assert node.peers.task is None


def test_the_number_of_a_boot_fits_and_differs():
    locks = {lock_of(f"node/{number}") for number in range(1000)}

    assert len(locks) == 1000
    assert all(lock < 2**63 for lock in locks)
