"""Successors, with interpreters that run the loops of tests/runtime/loops.py."""

import asyncio
from dataclasses import replace

import pytest

from runtime.shared import descriptors
from runtime.shared.plan import WebPool, WorkerPool
from runtime.supervise import restarts
from runtime.supervise.seats import seats_needed, seats_to_change
from tests.runtime.make import make_plan
from tests.runtime.on_loop import on_the_loop
from tests.runtime.test_supervisor import Running, until


@pytest.fixture
def pool(monkeypatch):
    """A worker pool; what its interpreters run may be changed for those that come."""

    def pool(loop="until_told", **fields):
        runs(loop)
        return WorkerPool(**{"name": "default", "queues": ("default",)} | fields)

    def runs(loop):
        for kind in (WebPool, WorkerPool):
            monkeypatch.setattr(kind, "target", f"tests.runtime.loops:{loop}")

    pool.runs = runs
    return pool


def names(supervisor):
    return [host.name for host in supervisor.hosts if not host.asked_to_stop]


async def well(successor):
    return ""


async def badly(successor):
    return "it does badly"


@on_the_loop
async def test_a_successor_has_the_name_and_other_seats_and_the_old_one_leaves(tmp_path, pool):
    async with Running(tmp_path, pool(threads=2)) as supervisor:
        old = supervisor.hosts[0]
        assert await supervisor.renewal.replace(old) == ""
        (new,) = supervisor.hosts_of(supervisor.plan.workers[0])

        assert (new.name, new.ready, new.assignment.generation) == ("default-1", True, 1)
        assert set(new.assignment.seats).isdisjoint(old.assignment.seats)
        await until(supervisor, lambda: old not in supervisor.hosts)
        assert len(supervisor.free_seats) == supervisor.board.housekeeper_seat - 2


@on_the_loop
async def test_while_it_is_on_trial_the_pool_is_not_larger(tmp_path, pool):
    async with Running(tmp_path, pool()) as supervisor:
        old, seen = supervisor.hosts[0], []

        async def look(successor):
            seen.append((supervisor.hosts_of(supervisor.plan.workers[0]), successor.ready, len(supervisor.hosts)))
            return ""

        await supervisor.renewal.replace(old, trial=look)

        assert seen == [([old], True, 2)]


@on_the_loop
async def test_one_that_does_badly_is_taken_back(tmp_path, pool):
    async with Running(tmp_path, pool()) as supervisor:
        old = supervisor.hosts[0]
        assert await supervisor.renewal.replace(old, trial=badly) == "it does badly"
        await until(supervisor, lambda: supervisor.hosts == [old])

        assert old.serves
        assert not old.being_replaced


@on_the_loop
async def test_one_that_does_not_start_says_why_and_the_old_one_goes_on(tmp_path, pool):
    async with Running(tmp_path, pool()) as supervisor:
        old = supervisor.hosts[0]
        pool.runs("does_not_load")
        flaw = await supervisor.renewal.replace(old)

        assert flaw == "its successor did not come up: ImportError: no module named nowhere"
        assert supervisor.hosts == [old]
        assert old.serves


@pytest.mark.parametrize("trial", [well, badly])
@on_the_loop
async def test_a_successor_stays_in_any_case_where_the_old_one_has_died_meanwhile(tmp_path, pool, trial):
    async with Running(tmp_path, pool("does_not_hear")) as supervisor:
        old = supervisor.hosts[0]
        pool.runs("until_told")

        async def meanwhile(successor):
            descriptors.signal(old.assignment.watch)  # it returns without having been asked to
            await until(supervisor, lambda: old not in supervisor.hosts)
            return await trial(successor)

        assert await supervisor.renewal.replace(old, trial=meanwhile) == ""
        assert [(host.name, host.serves, host.on_trial) for host in supervisor.hosts] == [("default-1", True, False)]


@on_the_loop
async def test_where_both_have_died_one_is_started_again(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_PAUSE", 0)
    pool.runs("does_not_hear")
    async with Running(tmp_path, roles=("web",), web=WebPool(count=1, threads=1)) as supervisor:
        old = supervisor.hosts[0]

        async def both_die(successor):
            pool.runs("until_told")
            for host in (old, successor):  # in this order: the first is not followed, as the other one is there
                descriptors.signal(host.assignment.watch)
                await until(supervisor, lambda: host not in supervisor.hosts)  # noqa: B023
            return ""

        assert "did not come up" in await supervisor.renewal.replace(old, trial=both_die)
        await until(supervisor, lambda: supervisor.hosts and supervisor.hosts[0].ready)
        assert names(supervisor) == ["web-1"]


@on_the_loop
async def test_one_that_is_asked_to_leave_meanwhile_leaves_no_successor(tmp_path, pool):
    async with Running(tmp_path, pool()) as supervisor:
        old = supervisor.hosts[0]

        async def shrink(successor):
            supervisor.retire(old)
            return ""

        await supervisor.renewal.replace(old, trial=shrink)
        await until(supervisor, lambda: supervisor.hosts == [])


@on_the_loop
async def test_nobody_is_replaced_twice_at_once(tmp_path, pool):
    async with Running(tmp_path, pool()) as supervisor:
        old = supervisor.hosts[0]
        results = await asyncio.gather(*(supervisor.renewal.replace(old) for _ in range(3)))

        assert sorted(results) == ["", "it is about to leave", "it is about to leave"]
        assert names(supervisor) == ["default-1"]


@on_the_loop
async def test_one_that_waits_to_be_started_again_is_started_afresh_and_once(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_PAUSE", 0.01)
    async with Running(tmp_path, pool("returns")) as supervisor:
        await until(supervisor, lambda: supervisor.generations["default-1"] > 2)
        await until(supervisor, lambda: supervisor.hosts[0].thread is None)
        waits, plan = supervisor.hosts[0], replace(supervisor.plan)
        pool.runs("until_told")
        supervisor.renewal.start_afresh(waits, plan)
        await until(supervisor, lambda: not supervisor.unready())
        await asyncio.gather(*supervisor.starts)

        (host,) = supervisor.hosts
        assert host.assignment.plan is plan
        assert waits.thread is None


@on_the_loop
async def test_more_and_fewer_interpreters_pools_that_are_new_and_that_are_gone(tmp_path, pool):
    one, two, gone = pool(count=(1, 1)), pool(name="two", count=(3, 3)), pool(name="gone")
    async with Running(tmp_path, one, two, gone) as supervisor:
        new = (replace(one, count=(2, 2)), replace(two, count=(1, 1)), pool(name="new", queues=("default",)))
        plan = replace(supervisor.plan, workers=new)
        await supervisor.renewal.adopt(plan)

        assert sorted(names(supervisor)) == ["default-1", "default-2", "new-1", "two-1"]
        assert supervisor.plan is supervisor.bridge.plan is plan
        assert supervisor.unready() == []


@on_the_loop
async def test_a_new_pool_that_does_not_start_is_tried_again_with_pauses(tmp_path, pool, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_PAUSE", 0)
    one = pool()
    async with Running(tmp_path, one) as supervisor:
        pool.runs("does_not_load")
        await supervisor.renewal.adopt(replace(supervisor.plan, workers=(one, replace(one, name="new"))))
        assert supervisor.unready() == ["no interpreter of new is ready"]
        pool.runs("until_told")
        await until(supervisor, lambda: not supervisor.unready())


@on_the_loop
async def test_a_pool_does_not_grow_into_the_last_seats(tmp_path, pool):
    async with Running(tmp_path, pool(count=(1, 2))) as supervisor:
        supervisor.free_seats, kept = (
            supervisor.free_seats[: supervisor.renewal.seats_for_abandoned()],
            (supervisor.free_seats),
        )
        supervisor.grow(supervisor.plan.workers[0])
        assert names(supervisor) == ["default-1"]
        supervisor.free_seats = kept
        supervisor.grow(supervisor.plan.workers[0])
        assert names(supervisor) == ["default-1", "default-2"]


@on_the_loop
async def test_a_successor_waits_until_those_who_leave_have_given_their_seats_back(tmp_path, pool):
    async with Running(tmp_path, pool()) as supervisor:
        free, supervisor.free_seats = supervisor.free_seats, []
        replacing = asyncio.ensure_future(supervisor.renewal.replace(supervisor.hosts[0]))
        while not supervisor.hosts[0].being_replaced:
            await asyncio.sleep(0)
        assert len(supervisor.hosts) == 1
        supervisor.free_seats = free
        supervisor.changed.set()
        assert await replacing == ""


@pytest.mark.parametrize(("old", "new"), [(2, 2), (2, 4), (4, 2), (2, 8)])
def test_at_the_start_there_are_seats_for_twice_and_more_of_everything(tmp_path, old, new):
    def plan(count):
        workers = WorkerPool(name="default", queues=("default",), count=(1, 2))
        return make_plan(tmp_path, workers, web=WebPool(count=count, threads=2))

    assert (seats_to_change(plan(old), plan(new)) <= seats_needed(plan(old))) == (new < 8)


def test_the_seats_of_pools_that_are_gone_count_until_they_are(tmp_path):
    wide = WorkerPool(name="wide", queues=("default",), threads=8)
    other = replace(wide, name="other")
    old, new = (make_plan(tmp_path, pool, roles=("workers",)) for pool in (wide, other))

    assert seats_to_change(old, new) - seats_to_change(old, old) == 8
