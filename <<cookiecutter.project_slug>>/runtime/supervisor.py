"""Starts, watches, replaces and stops the interpreters of this node."""

import asyncio
import contextlib
import logging
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any

from runtime import frames, overrun, recycling, wakeup
from runtime.board import Board, Cell, State, pool_number
from runtime.bridge import Bridge
from runtime.health import Health
from runtime.host import Host
from runtime.inside import Assignment, Verdict
from runtime.log import event
from runtime.memory import MemoryGuard
from runtime.node import Node
from runtime.peers import Peers
from runtime.plan import Plan, WebPool, WorkerPool
from runtime.scaling import Scaling
from runtime.stacks import Stacks
from runtime.wakeup import Wakeups, WakeupSocket

FIRST_PAUSE = 0.1  # seconds before an interpreter that has died is started again; doubled each time …
LONGEST_PAUSE = 30.0  # … up to this
ROOM_PAUSE = 0.1  # seconds between two looks whether there is memory for one more
GOOD_LIFE = 60.0  # seconds after which an interpreter that dies is started again at once


class Supervisor:
    """Owns the hosts of every pool. All methods run on the event loop of the main interpreter."""

    def __init__(self, plan: Plan, node: Node, board: Board, wakeups: Wakeups, bridge: Bridge, health: Health) -> None:
        self.plan, self.board, self.wakeups = plan, board, wakeups
        self.bridge, self.health, self.metrics = bridge, health, health.metrics
        self.boot = f"{node.id}/{secrets.token_hex(6)}"
        self.hosts: list[Host] = []  # in the order of their start
        self.free_seats = list(range(board.housekeeper_seat))
        self.stopping = False
        self.next_look: asyncio.TimerHandle | None = None
        self.pauses: dict[str, float] = {}
        self.changed = asyncio.Event()
        self.create_one_at_a_time = asyncio.Lock()
        self.starts: set[asyncio.Task[None]] = set()
        self.enqueues = WakeupSocket(node.socket_path, wakeups, self.cancel)
        self.peers = Peers(plan, self.boot, self.enqueues.pass_on)
        self.verdicts: dict[str, list[Verdict]] = {}  # by interpreter's name, until a successor has settled them
        self.worn_out = asyncio.Event()  # the process should be started afresh
        self.memory = MemoryGuard(plan.memory_limit, board, self.hosts, self.worn_out)
        self.scaling = Scaling(board, wakeups.queues, self.hosts_of, lambda: not self.memory.is_high)
        self.stacks = Stacks(board, bridge, self.hosts)
        self.loop = asyncio.get_running_loop()
        self.reload_asked = asyncio.Event()
        self.loop.add_signal_handler(signal.SIGHUP, self.reload_asked.set)  # acted on once everything has started
        self.loop.add_signal_handler(signal.SIGUSR1, self.stacks.show)
        self.health.unready = self.unready
        self.metrics.hosts = lambda: self.hosts
        self.metrics.memory_limit = lambda: self.memory.limit
        self.metrics.waiting = lambda: len(bridge.waiting)

    def count_lost(self, recovered: dict[str, int]) -> None:
        """Tasks that earlier boots held, by queue."""
        for queue, number in recovered.items():
            event("tasks_recovered", queue=queue, number=number)
            if queue in self.board.queues:  # not one that the settings have lost since
                self.board.count_outcome(self.board.main_seat, queue, "lost", number=number)

    async def start(self, recovered: dict[str, int] | None = None) -> None:
        """The web first, then the workers; returns when the least of each pool are ready or have failed once.

        `recovered` is how many tasks earlier boots have lost, by queue.
        """
        if self.next_look is not None:  # started already
            return
        self.stopping = False
        self.count_lost(recovered or {})
        self.loop.add_reader(self.wakeups.supervisor, self._look)
        self.enqueues.listen()
        await self.peers.start()
        self._look_after_hosts()
        for pool in self.plan.pools:
            for _ in range(least(pool)):
                await self._start(self._place(pool))
        self._scale()
        self.memory.start()

    async def stop(self, deadline: float) -> list[str]:
        """Ask everybody to leave; returns the names of those that have not by `deadline` (monotonic seconds)."""
        self.stopping = True
        self.scaling.stop()
        for task in self.starts:
            task.cancel()
        for host in list(self.hosts):
            self.retire(host)
        while self.hosts and (left := deadline - time.monotonic()) > 0:
            await self._wait_for_change(left)
        self.memory.stop()
        self.enqueues.close()
        self.loop.remove_reader(self.wakeups.supervisor)
        if self.next_look is not None:
            self.next_look.cancel()
            self.next_look = None
        return [host.name for host in self.hosts]

    def stop_workers(self) -> None:
        """Ask the workers to take no more tasks; the web serves on."""
        self.stopping = True
        self.scaling.stop()
        self.bridge.stop()
        for host in self.hosts:
            if not host.sockets:
                host.stop()

    def unready(self) -> list[str]:
        """Why this node cannot serve, by name; empty where it can."""
        if self.stopping:
            return ["the server is stopping"]
        return [
            f"no interpreter of {pool.name} is ready"
            for pool in self.plan.pools
            if least(pool) and not any(host.ready for host in self.hosts_of(pool))
        ]

    def hosts_of(self, pool: WebPool | WorkerPool) -> list[Host]:
        """The interpreters of a pool that serve, start or wait to be started; not those that leave."""
        return [host for host in self.hosts if host.assignment.pool == pool.name and not host.asked_to_stop]

    def grow(self, pool: WorkerPool) -> None:
        """Start one more interpreter of the pool."""
        self.in_background(self._start(self._place(pool)))

    # One interpreter

    def _place(self, pool: WebPool | WorkerPool, name: str = "") -> Host:
        """Take a name and seats for an interpreter, which then counts as one of the pool's."""
        taken = {host.name for host in self.hosts}
        name = name or next(name for number in count(1) if (name := f"{pool.name}-{number}") not in taken)
        host = self._make_host(pool, name)
        self.hosts.append(host)
        return host

    async def _start(self, host: Host, pause: float = 0) -> None:
        await asyncio.sleep(pause)
        while self.memory.is_full:  # a thread that cannot start for want of memory hangs main (CPython 140746)
            await asyncio.sleep(ROOM_PAUSE)
        async with self.create_one_at_a_time:
            host.start(self.board.memory, self._ended_in_thread)
            while not host.ready and host in self.hosts:
                await self._wait_for_change()

    async def replace(self, host: Host, does_well: Callable[[Host], Awaitable[bool]] | None = None) -> bool:
        """Start a successor, then ask a host to leave: nothing waits meanwhile.

        False where the successor did not come up, or `does_well` found it wanting: the host goes on.
        """
        if (pool := self._pool_of(host)) is None or not self._begin_replacing(host):
            return False
        try:
            while len(self.free_seats) < pool.threads + self._seats_to_grow():
                await self._wait_for_change()
            successor = self._place(pool, host.name)
            successor.on_trial = True
            await self._start(successor)
            if not successor.ready or (does_well and not await does_well(successor)):
                self.retire(successor)
                return False
            successor.on_trial = False
            self.retire(host)
            return True
        finally:
            host.being_replaced = False

    def _begin_replacing(self, host: Host) -> bool:
        may = host in self.hosts and not (host.being_replaced or host.asked_to_stop or self.stopping)
        host.being_replaced = host.being_replaced or may
        return may

    def _seats_to_grow(self) -> int:
        """Seats that the pools need to reach their most."""
        return sum(max(0, most(pool) - len(self.hosts_of(pool))) * pool.threads for pool in self.plan.pools)

    def retire(self, host: Host) -> None:
        """Ask an interpreter to leave when it has finished what it does."""
        if host not in self.hosts:
            return
        if host.thread is None:
            return self._remove(host)
        self.bridge.detach(host)
        host.stop()

    async def adopt(self, plan: Plan) -> None:
        """Go on with another plan; interpreters that are there already stay as they are until they are replaced."""
        self.plan = self.bridge.plan = plan
        for host in list(self.hosts):
            if self._pool_of(host) is None:
                self.retire(host)
        for pool in plan.pools:
            for host in self.hosts_of(pool)[most(pool) :]:
                self.retire(host)
            while len(self.hosts_of(pool)) < least(pool):
                await self._start(self._place(pool))
        self._scale()

    def _scale(self) -> None:
        self.scaling.start([pool for pool in self.plan.pools if isinstance(pool, WorkerPool)], self.grow, self.retire)

    def _make_host(self, pool: WebPool | WorkerPool, name: str) -> Host:
        is_web = isinstance(pool, WebPool)
        sockets = [frames.pair() for _ in range(pool.threads if is_web else 0)]
        seats = tuple(self.free_seats.pop(0) for _ in range(pool.threads))
        for seat in seats:
            row = self.board.seat(seat)
            row[Cell.STATE], row[Cell.POOL] = State.STARTING, pool_number(pool.name)
        generation = self.metrics.starts.get(name, 0)
        self.metrics.starts[name] = generation + 1
        assignment = Assignment(
            name=name, pool=pool.name, kind=pool.interpreter, target=pool.target,
            boot=self.boot, generation=generation, verdicts=tuple(self.verdicts.get(name, ())),
            seats=seats, board_seats=self.board.seats, sockets=tuple(web.fileno() for _, web in sockets),
            wakeups=self.wakeups, stop=wakeup.event(), watch=wakeup.event(),
            housekeeper=name == self.housekeeper, plan=self.plan,
        )  # fmt: skip
        return Host(assignment, sockets)

    @property
    def housekeeper(self) -> str:
        """The interpreter that keeps house: the first one of the first pool that always has one."""
        pools = [pool for pool in self.plan.pools if isinstance(pool, WorkerPool) and least(pool)]
        return f"{pools[0].name}-1" if pools else ""

    def _look(self) -> None:
        """The board has changed: some interpreter has become ready, or asks to leave."""
        while wakeup.take(self.wakeups.supervisor):
            pass
        self.health.counted.set()
        for host in self.hosts:
            states = [self.board.seat(seat)[Cell.STATE] for seat in host.assignment.seats]
            if State.LEAVING in states:
                self.bridge.detach(host)
                host.stop_after_error()
            elif states[0] == State.READY and not host.ready:
                self._became_ready(host)
        self.changed.set()

    def _became_ready(self, host: Host) -> None:
        host.ready = True
        host.objects = self.board.seat(host.assignment.seats[0])[Cell.OBJECTS]
        unsettled = [each for each in self.verdicts.pop(host.name, []) if each not in host.assignment.verdicts]
        if unsettled:
            self.verdicts[host.name] = unsettled
        if host.sockets:
            self.bridge.attach(host, [main for main, _ in host.sockets])
        event("interpreter_ready", interpreter=host.name, seconds=round(time.monotonic() - host.started, 3))

    def _ended_in_thread(self, host: Host, reason: str) -> None:
        self.loop.call_soon_threadsafe(self._ended, host, reason)

    def _ended(self, host: Host, reason: str) -> None:
        """An interpreter is gone and closed. One that was abandoned may come to its end all the same."""
        if host.abandoned:
            return event("abandoned_interpreter_ended", interpreter=host.name)
        self._remove(host)
        if not reason:
            event("interpreter_closed", interpreter=host.name)
            if isinstance(pool := self._pool_of(host), WorkerPool):
                self.scaling.watch(pool)
        else:
            event("interpreter_died", logging.ERROR, interpreter=host.name, reason=reason)
            if not host.sockets:
                self._judge(host, f"The interpreter {host.name} has died: {reason.splitlines()[-1]}", {})
            self._follow(host, self._pause_before(host))

    def _remove(self, host: Host) -> None:
        """Forget an interpreter that has ended, or was never started."""
        self.hosts.remove(host)
        self.bridge.drop(host)
        host.close()
        self.changed.set()
        for seat in host.assignment.seats:
            row = self.board.seat(seat)
            row[Cell.STATE] = State.EMPTY
            row[Cell.BUSY_SINCE] = row[Cell.DEADLINE] = row[Cell.GATE] = row[Cell.POOL] = row[Cell.HELD] = 0
        self.free_seats = sorted([*host.assignment.seats, *self.free_seats])

    def _follow(self, host: Host, pause: float) -> None:
        """See to it that somebody takes the place of one that is no more, and settles the tasks that it held."""
        pool = self._pool_of(host)
        if self.stopping or host.on_trial or pool is None:
            return
        others = [other for other in self.hosts_of(pool) if other.name == host.name]
        if not others:
            self.in_background(self._start(self._place(pool, host.name), pause))
        elif self.verdicts.get(host.name):  # its successor was started before there was anything to settle
            self.in_background(self._settle(others[0]))

    async def _settle(self, successor: Host) -> None:
        while successor in self.hosts and not successor.ready:
            await self._wait_for_change()
        await self.replace(successor)

    def _pause_before(self, host: Host) -> float:
        lived = time.monotonic() - host.started
        pause = FIRST_PAUSE if lived > GOOD_LIFE else self.pauses.get(host.name, FIRST_PAUSE)
        self.pauses[host.name] = min(2 * pause, LONGEST_PAUSE)
        return pause

    def _pool_of(self, host: Host) -> WebPool | WorkerPool | None:
        """None where the settings have lost it since."""
        return next((pool for pool in self.plan.pools if pool.name == host.assignment.pool), None)

    def in_background(self, start: Coroutine[Any, Any, Any]) -> None:
        task = self.loop.create_task(start)
        self.starts.add(task)
        task.add_done_callback(self.starts.discard)

    # What does not come back

    def cancel(self, task: str) -> bool:
        """End a running task; False where it does not run here."""
        return overrun.cancel(self.board, self.hosts, task, wakeup.signal)

    def _look_after_hosts(self) -> None:
        self.stacks.show_late_requests(self.bridge.expire(time.monotonic()))
        for host, stuck in overrun.overdue(self.board, self.hosts):
            self._abandon(host, stuck)
        for host in self.hosts:
            if reason := recycling.due(self.board, self._pool_of(host), host):
                event("interpreter_recycled", interpreter=host.name, reason=reason)
                self.in_background(self.replace(host))
        self.next_look = self.loop.call_later(overrun.LOOK_EVERY, self._look_after_hosts)

    def _abandon(self, host: Host, stuck: dict[str, str]) -> None:
        """Write an interpreter off: it keeps its seats and descriptors for ever, a successor gets its name.

        Its other threads, if it has any, finish what they do and leave.
        """
        sights = self.stacks.of_host(host)
        text = "".join(sight.text for sight in sights)
        event("interpreter_abandoned", logging.ERROR, interpreter=host.name, tasks=",".join(stuck), stack=text)
        self.metrics.abandoned += 1
        self.bridge.detach(host)
        self.hosts.remove(host)
        host.stop()
        host.abandoned = True
        if not host.sockets:
            stacks = {sight.work.task: sight.text for sight in sights}
            self._judge(host, "It did not end when it was told to: its interpreter was abandoned.", stuck, stacks)
        if self.metrics.abandoned > overrun.MOST_ABANDONED:
            self.worn_out.set()
        else:
            self._follow(host, 0)

    def _judge(self, host: Host, reason: str, tasks: dict[str, str], stacks: dict[str, str] | None = None) -> None:
        verdict = Verdict(claim=host.assignment.claim, reason=reason, tasks=tasks, stacks=stacks or {})
        self.verdicts.setdefault(host.name, []).append(verdict)

    async def _wait_for_change(self, seconds: float | None = None) -> None:
        self.changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.changed.wait(), seconds)


def least(pool: WebPool | WorkerPool) -> int:
    """How many interpreters of the pool there are at any time."""
    return pool.count if isinstance(pool, WebPool) else pool.count[0]


def most(pool: WebPool | WorkerPool) -> int:
    return pool.count if isinstance(pool, WebPool) else pool.count[1]


def seats_needed(plan: Plan) -> int:
    """Seats for every thread of every pool at its most, three times.

    A successor sits down before the old one gets up, and an old one may have a long task to finish. And for those that
    will never get up, the abandoned ones. The last two seats are the housekeeper's and main's.
    """
    full = sum(most(pool) * pool.threads for pool in plan.pools)
    widest = max((pool.threads for pool in plan.pools), default=0)
    return 3 * full + overrun.MOST_ABANDONED * widest + 2
