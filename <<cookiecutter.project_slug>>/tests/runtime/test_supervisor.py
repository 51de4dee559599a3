"""The supervisor, with interpreters that run the loops of tests/runtime/loops.py."""

import asyncio
import os
import threading
import time

import pytest

from runtime.http.bridge import Bridge
from runtime.observe.health import Health
from runtime.observe.storage import Storage
from runtime.shared import descriptors
from runtime.shared.board import Board, Cell, State
from runtime.shared.descriptors import Wakeups
from runtime.shared.node import Node
from runtime.shared.plan import WorkerPool
from runtime.supervise import abandonment, overrun, restarts
from runtime.supervise import supervisor as supervisor_module
from runtime.supervise.seats import seats_needed
from runtime.supervise.supervisor import Supervisor
from tests.runtime.make import make_plan
from tests.runtime.on_loop import PATIENCE, on_the_loop


class Running:
    """A supervisor, without a web where nobody asks for one, from its start to its stop."""

    def __init__(self, folder, *pools, start=True, **fields):
        self.start = start
        self.plan = make_plan(folder, *pools, **{"roles": ("workers",)} | fields)
        self.wakeups, self.node = Wakeups.make(self.plan.queues), Node(folder, 1)
        board = Board(self.plan.queues, seats_needed(self.plan))
        health = Health(board, self.wakeups.housekeeper, Storage(self.plan))
        bridge = Bridge(self.plan, health.answers, health.metrics.web)
        self.supervisor = Supervisor(self.plan, self.node, board, self.wakeups, bridge, health)

    async def __aenter__(self):
        if self.start:
            await self.supervisor.start()
        return self.supervisor

    async def __aexit__(self, *error):
        self.left = await self.supervisor.stop(time.monotonic() + PATIENCE)
        self.wakeups.close()
        self.supervisor.bridge.waiting.close()
        os.close(self.node.descriptor)


async def until(supervisor, condition):
    """Wait for what any change of an interpreter may bring."""
    while not condition():
        supervisor.changed.clear()
        await supervisor.changed.wait()


def states(supervisor):
    return [State(supervisor.board.seat(seat)[Cell.STATE]) for seat in range(supervisor.board.seats)]


@pytest.fixture
def pool(monkeypatch):
    """A worker pool whose interpreters run this loop."""

    def pool(loop, **fields):
        monkeypatch.setattr(WorkerPool, "target", f"tests.runtime.loops:{loop}")
        return WorkerPool(**{"name": "default", "queues": ("default",)} | fields)

    return pool


@pytest.fixture
def long_pause(monkeypatch):
    """What has died is started again after the test."""
    monkeypatch.setattr(restarts, "FIRST_PAUSE", 10 * PATIENCE)


@on_the_loop
async def test_the_least_of_each_pool_are_started(tmp_path, pool):
    pools = pool("until_told", count=(2, 3)), pool("until_told", name="exports", count=(0, 1))
    async with Running(tmp_path, *pools) as supervisor:
        assert [host.name for host in supervisor.hosts] == ["default-1", "default-2"]
        assert supervisor.unready() == []
    assert supervisor.hosts == []
    assert set(states(supervisor)) == {State.EMPTY}


@on_the_loop
async def test_no_thread_sits_on_a_seat_when_its_loop_has_ended(tmp_path, pool):
    async with Running(tmp_path, pool("until_told", threads=2)) as supervisor:
        assert len(supervisor.hosts) == 1
    assert [supervisor.board.seat(seat)[Cell.THREAD] for seat in range(2)] == [0, 0]


@on_the_loop
async def test_one_that_dies_is_started_again_until_it_lives(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_PAUSE", 0)
    async with Running(tmp_path, pool("returns")) as supervisor:
        await until(supervisor, lambda: supervisor.generations["default-1"] > 3)
        monkeypatch.setattr(WorkerPool, "target", "tests.runtime.loops:until_told")
        await until(supervisor, lambda: not supervisor.unready())
        generation = supervisor.hosts[0].assignment.generation

    assert generation == supervisor.generations["default-1"] - 1


@on_the_loop
async def test_until_it_is_started_again_the_server_is_not_ready_and_says_why(tmp_path, pool, long_pause):
    async with Running(tmp_path, pool("returns")) as supervisor:
        await until(supervisor, supervisor.unready)

        assert supervisor.unready() == ["no interpreter of default is ready"]


@on_the_loop
async def test_one_that_waits_to_be_started_again_keeps_its_name_and_its_place(tmp_path, pool, long_pause):
    async with Running(tmp_path, pool("returns", count=(1, 2))) as supervisor:
        await until(supervisor, supervisor.unready)
        supervisor.grow(supervisor.plan.workers[0])

        assert [host.name for host in supervisor.hosts] == ["default-1", "default-2"]


@on_the_loop
async def test_what_a_dead_one_left_on_its_seat_is_not_held_against_its_successor(tmp_path, pool, long_pause):
    async with Running(tmp_path, pool("fails_with_a_task")) as supervisor:
        await until(supervisor, lambda: supervisor.generations["default-1"] > 1)

        later = time.monotonic_ns() + 7200 * 10**9
        assert overrun.overdue(supervisor.board, supervisor.hosts, later) == []
        assert not supervisor.cancel_running(f"{7:032x}")


@on_the_loop
async def test_where_no_descriptor_is_free_a_successor_is_made_later_and_no_seat_is_lost(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(supervisor_module, "DESCRIPTORS_PAUSE", 0.01)
    async with Running(tmp_path, pool("fails_with_a_task")) as supervisor:
        free, event, left = (
            len(supervisor.free_seats),
            descriptors.event,
            [None, OSError(24, "none"), OSError(24, "none")],
        )
        monkeypatch.setattr(
            descriptors, "event", lambda: event() if not left or not (error := left.pop()) else fail(error)
        )
        await until(supervisor, lambda: not left and supervisor.hosts and supervisor.generations["default-1"] > 1)

        assert len(supervisor.free_seats) == free


def fail(error):
    raise error


@on_the_loop
async def test_a_stop_does_not_wait_for_those_that_were_to_be_started_again(tmp_path, pool, long_pause):
    running = Running(tmp_path, pool("returns", count=(2, 2)))
    async with running as supervisor:
        await until(supervisor, lambda: supervisor.generations["default-2"] > 1)
    assert running.left == []


@on_the_loop
async def test_the_process_is_worn_out_when_what_has_served_dies_again_and_again(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_PAUSE", 0)
    async with Running(tmp_path, pool("returns")) as supervisor:
        await supervisor.worn_out.wait()

        assert supervisor.generations["default-1"] >= restarts.MOST_IN_A_ROW


@on_the_loop
async def test_what_has_never_come_up_here_is_tried_for_ever(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_PAUSE", 0)
    async with Running(tmp_path, pool("does_not_load")) as supervisor:
        await until(supervisor, lambda: supervisor.generations["default-1"] > restarts.MOST_IN_A_ROW + 3)

        assert not supervisor.worn_out.is_set()


@on_the_loop
async def test_one_that_does_not_start_holds_nobody_up(tmp_path, pool, monkeypatch):
    """Interpreters are started one at a time."""
    monkeypatch.setattr(overrun, "LOOK_EVERY", 0.01)
    pools = pool("never_starts"), pool("never_starts", name="exports")
    async with Running(tmp_path, *pools, start=False) as supervisor:
        starting = asyncio.ensure_future(supervisor.start())
        while not (supervisor.hosts and supervisor.hosts[0].thread):
            await asyncio.sleep(0)
        monkeypatch.setattr(WorkerPool, "target", "tests.runtime.loops:until_told")
        monkeypatch.setattr(abandonment, "has_not_started", lambda host: host is first)
        first = supervisor.hosts[0]
        await starting
        await until(supervisor, lambda: not supervisor.unready())

        assert first.abandoned
        assert supervisor.abandoned == 1
        descriptors.signal(supervisor.wakeups.housekeeper)
        await asyncio.to_thread(first.thread.join)


@on_the_loop
async def test_those_that_never_come_back_are_replaced_until_there_are_too_many(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(overrun, "LOOK_EVERY", 0.01)
    async with Running(tmp_path, pool("stuck", threads=5)) as supervisor:
        await supervisor.worn_out.wait()
        replaced, hosts = supervisor.generations["default-1"] - 1, list(supervisor.hosts)
        descriptors.signal(supervisor.wakeups.housekeeper)
        for thread in [thread for thread in threading.enumerate() if thread.name == "default-1"]:
            await asyncio.to_thread(thread.join)

    assert (replaced, hosts) == (overrun.MOST_ABANDONED, [])


@on_the_loop
async def test_who_was_given_up_holds_nobody_off_for_ever(tmp_path, pool, monkeypatch):
    """A suspect runs when nothing else does; and who writes gives way to who does already."""
    monkeypatch.setattr(overrun, "LOOK_EVERY", 0.01)
    async with Running(tmp_path, pool("stuck")) as supervisor:
        first = supervisor.hosts[0]
        await until(supervisor, lambda: first.abandoned)
        row = supervisor.board.seat(first.assignment.seats[0])
        left = [row[cell] for cell in (Cell.GATE, Cell.WRITING, Cell.POOL)]
        await supervisor.worn_out.wait()
        descriptors.signal(supervisor.wakeups.housekeeper)
        for thread in [thread for thread in threading.enumerate() if thread.name == "default-1"]:
            await asyncio.to_thread(thread.join)

    assert left == [0, 0, 0]


@on_the_loop
async def test_lost_tasks_are_counted_and_a_queue_that_is_no_more_stops_no_start(tmp_path, pool):
    async with Running(tmp_path, pool("until_told")) as supervisor:
        supervisor.count_lost({"gone": 2, "default": 1})

        assert supervisor.board.outcomes("default")["lost"] == 1
