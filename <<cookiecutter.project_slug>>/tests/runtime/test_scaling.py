"""Pools between their least and their most: when one more is asked for, and when one is told to leave."""

import asyncio
import os
import time
from types import SimpleNamespace

import pytest

from runtime.shared import descriptors
from runtime.shared.board import Board, Cell
from runtime.shared.plan import WorkerPool
from runtime.supervise import scaling
from runtime.supervise.scaling import Scaling
from tests.runtime.on_loop import PATIENCE, cleanups, on_the_loop, turns

IDLE = 60


@pytest.fixture(autouse=True)
def looks_follow_each_other(monkeypatch):
    monkeypatch.setattr(scaling, "LOOK_EVERY", 0)


@pytest.fixture
def no_second_look(monkeypatch):
    monkeypatch.setattr(scaling, "LOOK_EVERY", 10 * PATIENCE)


class Pools:
    """A Scaling over pools whose interpreters the test plays; what it asks for is kept in `grown` and `shrunk`."""

    def __init__(self, *pools):
        self.pools = {pool.name: pool for pool in pools}
        names = dict.fromkeys(queue for pool in pools for queue in pool.queues)
        self.queues = {queue: descriptors.event() for queue in names}
        self.board = Board(tuple(self.queues), seats=16)
        self.members = {pool.name: [] for pool in pools}
        self.grown, self.shrunk = [], []
        self.may_grow = True
        self.scaling = Scaling(self.board, self.signals, lambda pool: self.members[pool.name], lambda: self.may_grow)
        cleanups.append(self._close)

    def signals(self, queues):
        return [self.queues[queue] for queue in queues]

    def start(self):
        self.scaling.start(list(self.pools.values()), self._grow, self.shrunk.append)
        return self

    def add(self, name, *seats, ready=True, housekeeper=False):
        """An interpreter of the pool sits on these seats; it has just come round, with nothing to do."""
        host = SimpleNamespace(assignment=SimpleNamespace(seats=seats, housekeeper=housekeeper), ready=ready)
        self.members[name].append(host)
        for seat in seats:
            self.board.seat(seat)[Cell.BUSY_SINCE] = 0
            self.board.seat(seat)[Cell.ALIVE] = time.monotonic_ns()
        return host

    def busy(self, *seats):
        for seat in seats:
            self.board.seat(seat)[Cell.BUSY_SINCE] = self.board.seat(seat)[Cell.ALIVE] = time.monotonic_ns()

    def idle_for(self, seconds, *seats):
        for seat in seats:
            self.board.seat(seat)[Cell.ALIVE] = time.monotonic_ns() - int(seconds * 1e9)

    def enqueue(self, queue):
        descriptors.signal(self.queues[queue])

    def leave(self, name):
        """The last interpreter of the pool has ended."""
        self.members[name].pop()
        self.scaling.watch(self.pools[name])

    def _grow(self, pool):
        """As the supervisor does: the new interpreter counts from here on, and becomes ready later."""
        self.grown.append(pool.name)
        self.members[pool.name].append(SimpleNamespace(assignment=SimpleNamespace(seats=()), ready=False))

    def _close(self):
        self.scaling.stop()
        for descriptor in self.queues.values():
            os.close(descriptor)


def pool(name, count, *queues):
    return WorkerPool(name=name, queues=queues or (name,), count=count, idle=IDLE)


@on_the_loop
async def test_a_pool_at_zero_is_started_once_by_its_first_task(no_second_look):
    pools = Pools(pool("images", (0, 1))).start()
    await turns()
    before = list(pools.grown)
    pools.enqueue("images")
    await turns()

    assert (before, pools.grown) == ([], ["images"])


@on_the_loop
async def test_one_that_cannot_be_made_just_now_is_made_at_a_later_look():
    pools = Pools(pool("images", (0, 1)))
    grow, left = pools._grow, [OSError(24, "Too many open files")] * 3

    def fail_at_first(pool):
        if left:
            raise left.pop()
        grow(pool)

    pools._grow = fail_at_first
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    pools.start()
    pools.enqueue("images")
    while not pools.grown:
        await turns()

    assert (pools.grown, left) == (["images"], [])


@on_the_loop
async def test_a_task_that_waits_before_the_start_is_seen():
    pools = Pools(pool("images", (0, 1)))
    pools.enqueue("images")
    pools.start()
    await turns()

    assert pools.grown == ["images"]


@on_the_loop
async def test_each_queue_of_a_pool_at_zero_wakes_it(no_second_look):
    for queue in ("images", "films"):
        pools = Pools(pool("media", (0, 1), "images", "films")).start()
        pools.enqueue(queue)
        await turns()

        assert pools.grown == ["media"]


@on_the_loop
async def test_one_task_in_two_queues_starts_one_interpreter(no_second_look):
    pools = Pools(pool("media", (0, 2), "images", "films")).start()
    pools.enqueue("images")
    pools.enqueue("films")
    await turns()

    assert pools.grown == ["media"]


@on_the_loop
async def test_a_task_wakes_only_its_own_pool(no_second_look):
    pools = Pools(pool("images", (0, 1)), pool("exports", (0, 1))).start()
    pools.enqueue("exports")
    await turns()

    assert pools.grown == ["exports"]


@on_the_loop
async def test_a_pool_that_is_back_at_zero_is_woken_again(no_second_look):
    pools = Pools(pool("images", (0, 1))).start()
    pools.enqueue("images")
    await turns()
    descriptors.take(pools.queues["images"])
    pools.leave("images")
    await turns()
    idle = list(pools.grown)
    pools.enqueue("images")
    await turns()

    assert (idle, pools.grown) == (["images"], ["images", "images"])


@on_the_loop
async def test_one_more_is_started_while_tasks_wait_and_all_threads_are_busy():
    pools = Pools(pool("default", (1, 2)))
    pools.add("default", 0, 1)
    pools.busy(0, 1)
    pools.start()
    await turns()
    before = list(pools.grown)
    pools.enqueue("default")
    await turns()

    assert (before, pools.grown) == ([], ["default"])


@on_the_loop
async def test_no_more_than_the_most_are_started():
    pools = Pools(pool("default", (1, 2)))
    pools.add("default", 0)
    pools.add("default", 1)
    pools.busy(0, 1)
    pools.enqueue("default")
    pools.start()
    await turns()

    assert pools.grown == []


@on_the_loop
async def test_a_thread_that_is_free_takes_the_task_before_another_interpreter_is_started():
    pools = Pools(pool("default", (1, 2)))
    pools.add("default", 0, 1)
    pools.busy(0)
    pools.enqueue("default")
    pools.start()
    await turns()

    assert pools.grown == []


@on_the_loop
async def test_while_one_is_starting_no_other_is_started():
    pools = Pools(pool("default", (1, 3)))
    pools.add("default", 0)
    pools.busy(0)
    starting = pools.add("default", 1, ready=False)
    pools.enqueue("default")
    pools.start()
    await turns()
    before = list(pools.grown)
    starting.ready = True
    pools.busy(1)
    await turns()

    assert (before, pools.grown) == ([], ["default"])


@on_the_loop
async def test_a_pool_of_fixed_size_is_left_alone():
    pools = Pools(pool("critical", (1, 1)))
    pools.add("critical", 0)
    pools.busy(0)
    pools.enqueue("critical")
    pools.start()
    await turns()
    pools.members["critical"].clear()
    pools.scaling.watch(pools.pools["critical"])
    await turns()

    assert pools.grown == []


@on_the_loop
async def test_the_youngest_that_has_been_idle_long_enough_is_told_to_leave():
    pools = Pools(pool("default", (1, 3)))
    hosts = [pools.add("default", seat) for seat in range(3)]
    pools.idle_for(IDLE + 1, 0, 1)
    pools.start()
    await turns()

    assert pools.shrunk
    assert all(host is hosts[1] for host in pools.shrunk)


@on_the_loop
async def test_who_keeps_house_stays_although_it_is_the_youngest():
    pools = Pools(pool("default", (1, 2)))
    older = pools.add("default", 0)
    pools.add("default", 1, housekeeper=True)
    pools.idle_for(IDLE + 1, 0, 1)
    pools.start()
    await turns()

    assert pools.shrunk
    assert all(host is older for host in pools.shrunk)


@on_the_loop
async def test_the_least_stay_however_idle_they_are():
    pools = Pools(pool("default", (1, 2)))
    pools.add("default", 0)
    pools.idle_for(IDLE * 1000, 0)
    pools.start()
    await turns()

    assert pools.shrunk == []


@on_the_loop
async def test_a_pool_may_shrink_to_zero():
    pools = Pools(pool("images", (0, 1)))
    host = pools.add("images", 0)
    pools.start()
    await turns()
    before = list(pools.shrunk)
    pools.idle_for(IDLE + 1, 0)
    await turns()

    assert before == []
    assert pools.shrunk[0] is host


@pytest.mark.parametrize("state", ["busy", "one thread busy", "one thread idle for less", "starting"])
@on_the_loop
async def test_who_works_or_worked_lately_stays(state):
    pools = Pools(pool("default", (0, 1)))
    pools.add("default", 0, 1, ready=state != "starting")
    pools.idle_for(IDLE + 1, 0, 1)
    if state == "busy":
        pools.busy(0, 1)
    elif state == "one thread busy":  # with a task that has run for longer than the idle time
        pools.board.seat(1)[Cell.BUSY_SINCE] = pools.board.seat(1)[Cell.ALIVE]
    elif state == "one thread idle for less":
        pools.idle_for(IDLE - 30, 1)
    pools.start()
    await turns()

    assert pools.shrunk == []


@on_the_loop
async def test_nobody_is_told_to_leave_while_tasks_wait():
    pools = Pools(pool("default", (0, 1)))
    pools.add("default", 0)
    pools.idle_for(IDLE + 1, 0)
    pools.enqueue("default")
    pools.start()
    await turns()

    assert pools.shrunk == []


@on_the_loop
async def test_pools_that_share_a_queue_are_both_woken_by_it():
    pools = Pools(pool("first", (0, 1), "default", "slow"), pool("second", (0, 1), "default")).start()
    pools.enqueue("slow")
    await turns()
    pools.members["first"][0].ready = True
    descriptors.take(pools.queues["slow"])
    before = list(pools.grown)
    pools.enqueue("default")
    await turns()

    assert (before, pools.grown) == (["first"], ["first", "second"])


@on_the_loop
async def test_once_it_is_stopped_nothing_is_started_or_ended():
    pools = Pools(pool("images", (0, 1)), pool("default", (0, 1)))
    pools.add("default", 0)
    pools.start()
    await turns()
    pools.scaling.stop()
    pools.enqueue("images")
    pools.idle_for(IDLE + 1, 0)
    await turns()
    pools.leave("default")
    pools.enqueue("default")
    await turns()

    assert (pools.grown, pools.shrunk) == ([], [])


@on_the_loop
async def test_while_none_may_grow_tasks_wait_and_the_pool_grows_afterwards():
    pools = Pools(pool("exports", (0, 1)), pool("default", (1, 2)))
    pools.may_grow = False
    pools.add("default", 0)
    pools.busy(0)
    pools.start()
    for queue in ("exports", "default"):
        pools.enqueue(queue)
    await turns()
    assert pools.grown == []

    pools.may_grow = True
    await turns()
    assert sorted(pools.grown) == ["default", "exports"]
