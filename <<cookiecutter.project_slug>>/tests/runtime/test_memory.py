"""The memory guard: what it does at which mark. The process's use is what the tests say."""

import asyncio
import os
import resource
import threading
import time
from types import SimpleNamespace

import pytest

from runtime.memory_limit import cgroup, guard
from runtime.memory_limit.guard import MemoryGuard
from runtime.memory_limit.ledger import Account, Use
from runtime.shared import descriptors
from runtime.shared.board import Board, Cell
from tests.runtime.on_loop import PATIENCE, cleanups, on_the_loop, turns

LIMIT = 1000 * 2**20
REQUESTED = 1500 * 2**20


class Guarded:
    """A guard over a web and a worker interpreter, on seats 0 and 1."""

    def __init__(self, monkeypatch):
        self.monkeypatch, self.board = monkeypatch, Board(("default",), 4)
        self.hosts = [self._host("web", 0, sockets=[()]), self._host("default", 1)]
        self.walls = []
        monkeypatch.setattr(guard.resource, "setrlimit", lambda _, limits: self.walls.append(limits))
        monkeypatch.setattr(cgroup, "memory_limit", lambda: 0)
        self.use(0.3)
        self.guard = MemoryGuard(LIMIT, self.board, self.hosts, asyncio.Event())
        cleanups.append(self._close)

    def _host(self, pool, seat, sockets=()):
        assignment = SimpleNamespace(pool=pool, seats=(seat,), watch=descriptors.event())
        return SimpleNamespace(name=f"{pool}-1", sockets=sockets, assignment=assignment)

    def use(self, share):
        """The process uses this share of the limit from now on."""
        self.monkeypatch.setattr(Use, "now", lambda: Use(int(share * LIMIT), REQUESTED))

    def start(self):
        self.guard.start()
        self.guard.ledger.charge = lambda resident, hosts: None
        for host in self.hosts:
            (seat,) = host.assignment.seats
            self.guard.ledger.accounts[seat] = Account(host, self.board.seat(seat), 1, 0)
        return self

    def run(self, seat, share):
        """Something runs there that has taken this share of the limit."""
        self.board.seat(seat)[Cell.BUSY_SINCE] = 7
        account = self.guard.ledger.accounts[seat]
        account.work, account.taken = 7, share * LIMIT

    def look(self, share):
        self.use(share)
        return self.guard._guard(Use.now())

    def cells(self, cell):
        return [self.board.seat(seat)[cell] for seat in (0, 1)]

    def told(self):
        return [descriptors.take(host.assignment.watch) for host in self.hosts]

    def _close(self):
        self.guard.stop()
        for host in self.hosts:
            os.close(host.assignment.watch)


@pytest.fixture
def guarded(monkeypatch):
    return lambda: Guarded(monkeypatch)


@on_the_loop
async def test_the_wall_leaves_as_much_as_is_left(guarded):
    guarded = guarded().start()
    guarded.look(0.5)

    soft, hard = guarded.walls[-1]
    assert soft == pytest.approx(REQUESTED + 0.45 * LIMIT, abs=2)
    assert hard == resource.getrlimit(resource.RLIMIT_DATA)[1]


@on_the_loop
async def test_at_the_wall_it_stays_where_it_is(guarded):
    guarded = guarded().start()
    before = len(guarded.walls)
    guarded.look(0.96)

    assert len(guarded.walls) == before


@on_the_loop
async def test_a_lower_limit_from_outside_stays_in_force(guarded, monkeypatch):
    monkeypatch.setattr(guard.resource, "getrlimit", lambda _: (REQUESTED, 2 * REQUESTED))
    guarded = guarded().start()

    assert guarded.walls[-1] == (REQUESTED, 2 * REQUESTED)


@on_the_loop
async def test_when_it_is_high_pools_do_not_grow_and_those_with_something_greedy_are_held(guarded):
    guarded = guarded().start()
    guarded.run(1, 0.2)
    guarded.look(0.7)
    assert (guarded.guard.is_high, guarded.cells(Cell.HELD)) == (False, [0, 0])

    guarded.run(1, 0)  # that it was greedy is not forgotten
    guarded.look(0.82)
    assert (guarded.guard.is_high, guarded.cells(Cell.HELD)) == (True, [0, 1])
    guarded.look(0.78)
    assert guarded.guard.is_high
    guarded.look(0.74)
    assert (guarded.guard.is_high, guarded.cells(Cell.HELD)) == (False, [0, 0])


@on_the_loop
async def test_when_it_is_full_the_greediest_is_told_to_end(guarded):
    guarded = guarded().start()
    guarded.run(0, 0.2)
    guarded.run(1, 0.4)
    guarded.look(0.87)
    assert guarded.cells(Cell.TOO_GREEDY) == [0, 0]

    guarded.look(0.89)
    assert (guarded.cells(Cell.TOO_GREEDY), guarded.told()) == ([0, 7], [False, True])


@on_the_loop
async def test_the_next_one_is_told_only_after_a_moment_and_none_twice(guarded, monkeypatch):
    guarded = guarded().start()
    guarded.run(0, 0.2)
    guarded.run(1, 0.4)
    guarded.look(0.9)
    guarded.look(0.9)
    assert guarded.told() == [False, True]

    now = time.monotonic()
    monkeypatch.setattr(guard.time, "monotonic", lambda: now + 2 * guard.SETTLE)
    guarded.look(0.9)
    assert guarded.told() == [True, False]
    monkeypatch.setattr(guard.time, "monotonic", lambda: now + 4 * guard.SETTLE)
    guarded.look(0.9)
    assert guarded.told() == [False, False]


@on_the_loop
async def test_who_has_taken_little_is_not_told(guarded):
    guarded = guarded().start()
    guarded.run(1, 0.09)
    guarded.look(0.94)

    assert guarded.told() == [False, False]


@pytest.mark.parametrize(("share", "taken", "leaves"), [(0.82, 0, True), (0.82, 0.3, False), (0.9, 0.3, True)])
@on_the_loop
async def test_if_it_stays_high_and_nothing_accounts_for_it_the_process_is_worn_out(
    guarded, monkeypatch, share, taken, leaves
):
    guarded = guarded().start()
    guarded.run(1, taken)
    guarded.look(share)
    assert not guarded.guard.worn_out.is_set()

    now = time.monotonic()
    monkeypatch.setattr(guard.time, "monotonic", lambda: now + guard.LONGEST_HIGH + 1)
    guarded.look(share)
    assert guarded.guard.worn_out.is_set() is leaves


@on_the_loop
async def test_it_is_full_when_it_is_and_when_nobody_can_tell(guarded, monkeypatch):
    guarded = guarded().start()
    assert not guarded.guard.is_full()
    guarded.use(0.89)
    assert guarded.guard.is_full()

    def fail():
        raise MemoryError

    monkeypatch.setattr(Use, "now", fail)
    assert guarded.guard.is_full()
    guarded.use(0.89)
    guarded.guard.limit = 0
    assert not guarded.guard.is_full()


@on_the_loop
async def test_main_starts_no_thread_afterwards(guarded):
    guarded().start()
    before = set(threading.enumerate())
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.01) for _ in range(50)))

    assert set(threading.enumerate()) <= before


@on_the_loop
async def test_if_it_comes_back_in_time_the_clock_starts_anew(guarded, monkeypatch):
    guarded = guarded().start()
    for share in (0.82, 0.5):
        guarded.look(share)
    now = time.monotonic()
    monkeypatch.setattr(guard.time, "monotonic", lambda: now + guard.LONGEST_HIGH + 1)
    guarded.look(0.82)

    assert not guarded.guard.worn_out.is_set()


@on_the_loop
async def test_the_nearer_the_wall_the_sooner_the_next_look(guarded):
    guarded = guarded().start()

    assert guarded.look(0.1) == guard.LONGEST_PAUSE
    assert guard.SHORTEST_PAUSE < guarded.look(0.85) < guarded.look(0.75) < guard.LONGEST_PAUSE
    assert guarded.look(0.99) == guard.SHORTEST_PAUSE


@on_the_loop
async def test_it_looks_again_even_if_a_look_had_no_memory(guarded, monkeypatch):
    monkeypatch.setattr(guard, "SHORTEST_PAUSE", 0)
    guarded, looks = guarded().start(), asyncio.Event()

    def fail():
        if guarded.walls.append("look") or guarded.walls.count("look") == 3:
            looks.set()
        raise MemoryError

    monkeypatch.setattr(Use, "now", fail)
    guarded.guard._look()
    await asyncio.wait_for(looks.wait(), PATIENCE)


@on_the_loop
async def test_a_limit_below_what_the_server_needs_is_raised(guarded):
    guarded = guarded()
    guarded.use(0.9)
    guarded.start()

    assert guarded.guard.limit == pytest.approx(0.9 * LIMIT / guard.MOST_AT_START, rel=0.001)
    assert not guarded.guard.is_high


@on_the_loop
async def test_the_containers_limit_counts_where_none_is_set_or_it_is_lower(guarded, monkeypatch):
    make = guarded().guard.__class__
    monkeypatch.setattr(cgroup, "memory_limit", lambda: 500)
    assert [make(limit, None, [], None).limit for limit in (0, 400, 600)] == [500, 400, 500]


@on_the_loop
async def test_without_a_limit_nothing_is_done(guarded):
    guarded = guarded()
    guarded.guard.limit = 0
    guarded.guard.start()
    await turns()

    assert (guarded.walls, guarded.guard.next_look) == ([], None)


@on_the_loop
async def test_after_the_stop_the_limit_is_as_it_was(guarded):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    guarded = guarded().start()
    guarded.guard.stop()

    assert guarded.walls[-1] == before
