"""Starts, watches, replaces and stops the interpreters of this node."""

import asyncio
import contextlib
import logging
import secrets
import signal
import time
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from runtime.http.bridge import Bridge
from runtime.interpreter.host import Host, open_descriptors
from runtime.interpreter.inside import Assignment, Verdict
from runtime.memory_limit.guard import MemoryGuard
from runtime.observe.health import Health
from runtime.observe.inquiry import Inquiries
from runtime.observe.live_overview import LiveOverview, LiveProfile
from runtime.observe.live_tasks import LiveTasks
from runtime.observe.overview import Overview
from runtime.observe.stacks import Stacks
from runtime.shared import descriptors
from runtime.shared.agreement import fingerprint
from runtime.shared.board import Board, Cell, State, pool_number
from runtime.shared.descriptors import Wakeups
from runtime.shared.log import event, logger
from runtime.shared.node import Node
from runtime.shared.plan import Plan, WebPool, WorkerPool
from runtime.supervise import overrun
from runtime.supervise.abandonment import Abandonment
from runtime.supervise.answers import Answers
from runtime.supervise.heartbeat import Heartbeat
from runtime.supervise.memory_tasks import MemoryTasks
from runtime.supervise.peers import Peers
from runtime.supervise.renewal import Renewal
from runtime.supervise.restarts import Restarts
from runtime.supervise.scaling import Scaling
from runtime.supervise.wakeup_socket import WakeupSocket

ROOM_PAUSE = 0.1  # seconds between two looks whether there is memory for one more
DESCRIPTORS_PAUSE = 1.0  # seconds before the next try where no descriptor was free


class Supervisor:
    """Owns the hosts of every pool. All but `_ended_in_thread` run on main's event loop."""

    def __init__(self, plan: Plan, node: Node, board: Board, wakeups: Wakeups, bridge: Bridge, health: Health) -> None:
        self.plan, self.board, self.wakeups = plan, board, wakeups
        self.bridge, self.health, self.metrics = bridge, health, health.metrics
        self.boot, self.fingerprint = f"{node.id}/{secrets.token_hex(6)}", fingerprint()
        self.hosts: list[Host] = []  # in the order of their start
        self.generations: dict[str, int] = {}  # by name: interpreters that have had it
        self.abandoned = 0  # interpreters, in all
        self.free_seats = list(range(board.housekeeper_seat))
        self.stopping = False
        self.restarts = Restarts()
        self.changed = asyncio.Event()
        self.create_one_at_a_time = asyncio.Lock()
        self.starts: set[asyncio.Task[None]] = set()
        self.off_loop: set[asyncio.Future[Any]] = set()  # work in threads that a stop waits for
        self.renewal, self.abandonment, self.heartbeat = Renewal(self), Abandonment(self, board), Heartbeat(self)
        self.memory_tasks, self.stacks = MemoryTasks(self), Stacks(board, bridge, self.hosts)
        self.overview = Overview(self, node.id)
        bridge.live.topics = {
            "tasks": LiveTasks(board, has_peers=plan.database == "postgresql"),
            "ops": LiveOverview(self.overview),
            "profile": LiveProfile(self.stacks),
        }
        answer = Inquiries(self.stacks, Answers(self, self.overview).questions).receive
        self.enqueues = WakeupSocket(node.socket_path, wakeups, self.cancel, board.is_paused, answer)
        self.peers = Peers(plan, self.boot, self.enqueues.pass_on)
        self.verdicts: dict[str, list[Verdict]] = {}  # by interpreter's name, until a successor has settled them
        self.unfound = overrun.Unfound()
        self.worn_out = asyncio.Event()  # the process should be started afresh
        self.memory = MemoryGuard(plan.memory_limit, board, self.hosts, self.worn_out)
        self.scaling = Scaling(board, wakeups.of, self.hosts_of, lambda: not self.memory.is_high)
        self.loop = asyncio.get_running_loop()
        self.reload_asked = asyncio.Event()
        self.loop.add_signal_handler(signal.SIGHUP, self.reload_asked.set)  # acted on once everything has started
        self.loop.add_signal_handler(signal.SIGUSR1, self.stacks.show)
        self.health.unready = self.unready
        self.metrics.hosts = lambda: self.hosts
        self.metrics.generations = lambda: self.generations
        self.metrics.abandoned = lambda: self.abandoned
        self.metrics.memory_queues = wakeups.memory
        self.metrics.memory_limit = lambda: self.memory.limit
        self.metrics.waiting = lambda: len(bridge.waiting)
        self.metrics.live_pages = lambda: len(bridge.live.streams)

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
        if self.heartbeat.is_started:
            return
        self.stopping = False
        self.count_lost(recovered or {})
        self.loop.add_reader(self.wakeups.supervisor, self._look)
        self.enqueues.listen()
        await self.peers.start()
        self.heartbeat.start()
        for pool in self.plan.pools:
            for _ in range(pool.least):
                await self.start_host(self.place(pool))
        self.scale()
        self.memory.start()

    async def stop(self, deadline: float) -> list[str]:
        """Ask everybody to leave; returns the names of those that have not by `deadline` (monotonic seconds)."""
        self._start_no_more()
        for host in list(self.hosts):
            self.retire(host)
        while (self.hosts or self.off_loop) and (left := deadline - time.monotonic()) > 0:
            await self.wait_for_change(left)
        self.memory.stop()
        self.enqueues.close()
        self.loop.remove_reader(self.wakeups.supervisor)
        self.heartbeat.stop()
        return [host.name for host in self.hosts] + ["reload" for _ in self.off_loop]

    def _start_no_more(self) -> None:
        self.stopping = True
        self.scaling.stop()
        for task in self.starts:
            task.cancel()

    def stop_workers(self) -> None:
        """Ask the workers to take no more tasks but those in memory; the web serves on."""
        self._start_no_more()
        self.bridge.stop()
        for host in self.hosts:
            if not host.sockets:
                self.memory_tasks.let_drain(host)
                host.stop()

    def unready(self) -> list[str]:
        """Why this node cannot serve, by name; empty where it can."""
        if self.stopping:
            return ["the server is stopping"]
        return [
            f"no interpreter of {pool.name} is ready"
            for pool in self.plan.pools
            if pool.least and not any(host.ready for host in self.hosts_of(pool))
        ]

    def hosts_of(self, pool: WebPool | WorkerPool) -> list[Host]:
        """The interpreters of a pool that serve, start or wait to be started; not those that leave or are on trial."""
        hosts = [host for host in self.hosts if host.assignment.pool == pool.name]
        return [host for host in hosts if not (host.asked_to_stop or host.on_trial)]

    def grow(self, pool: WorkerPool) -> None:
        """Start one more interpreter of the pool, if there are seats: old ones may still have theirs after a reload."""
        if len(self.free_seats) >= pool.threads + self.renewal.seats_for_abandoned():
            self.in_background(self.start_host(self.place(pool)))

    # One interpreter

    def place(self, pool: WebPool | WorkerPool, name: str = "", plan: Plan | None = None) -> Host:
        """Take a name and seats for an interpreter, which then counts as one of the pool's."""
        taken = {host.name for host in self.hosts if not host.asked_to_stop}
        name = name or next(name for number in count(1) if (name := f"{pool.name}-{number}") not in taken)
        plan = plan or self.plan
        stop, watch, sockets = open_descriptors(pool.threads if isinstance(pool, WebPool) else 0)
        seats = tuple(self.free_seats.pop(0) for _ in range(pool.threads))
        for seat in seats:
            row = self.board.seat(seat)
            row[Cell.STATE], row[Cell.POOL] = State.STARTING, pool_number(pool.name)
        generation = self.generations.get(name, 0)
        self.generations[name] = generation + 1
        assignment = Assignment(
            name=name, pool=pool.name, kind=pool.interpreter, target=pool.target,
            boot=self.boot, generation=generation, verdicts=tuple(self.verdicts.get(name, ())),
            seats=seats, board_seats=self.board.seats, sockets=tuple(web.fileno() for _, web in sockets),
            waiting_room=self.bridge.waiting.web.fileno(),
            wakeups=self.wakeups, stop=stop, watch=watch,
            housekeeper=name == housekeeper_of(plan), plan=plan, fingerprint=self.fingerprint,
        )  # fmt: skip
        host = Host(assignment, sockets)
        self.hosts.append(host)
        return host

    async def start_host(self, host: Host, pause: float = 0) -> None:
        """Returns when it is ready, or is no more."""
        await asyncio.sleep(pause)
        while self.memory.is_full():  # a thread that cannot start for want of memory hangs main (CPython 140746)
            await asyncio.sleep(ROOM_PAUSE)
        async with self.create_one_at_a_time:
            if host not in self.hosts:  # there is another one by now
                return
            host.start(self.board.memory, self._ended_in_thread)
            while not host.ready and host in self.hosts:
                await self.wait_for_change()

    def retire(self, host: Host) -> None:
        """Ask an interpreter to leave when it has finished what it does."""
        if host not in self.hosts:
            return
        if host.thread is None:
            return self._remove(host)
        self.bridge.detach(host)
        host.stop()

    def scale(self) -> None:
        self.scaling.start([pool for pool in self.plan.pools if isinstance(pool, WorkerPool)], self.grow, self.retire)

    def _look(self) -> None:
        """The board has changed: some interpreter has become ready, or asks to leave."""
        while descriptors.take(self.wakeups.supervisor):
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
        self.restarts.have_served.add(host.assignment.pool)
        host.objects = self.board.seat(host.assignment.seats[0])[Cell.OBJECTS]
        unsettled = [each for each in self.verdicts.pop(host.name, []) if each not in host.assignment.verdicts]
        if unsettled:
            self.verdicts[host.name] = unsettled
        if host.sockets:
            rows = [self.board.seat(seat) for seat in host.assignment.seats]
            self.bridge.attach(host, [main for main, _ in host.sockets], rows, host.assignment.watch)
        event("interpreter_ready", interpreter=host.name, seconds=round(time.monotonic() - host.started, 3))

    def _ended_in_thread(self, host: Host, reason: str) -> None:
        self.loop.call_soon_threadsafe(self._ended, host, reason)

    def _ended(self, host: Host, reason: str) -> None:
        """An interpreter is gone and closed. One that was abandoned may come to its end all the same."""
        if host.abandoned:
            return event("abandoned_interpreter_ended", interpreter=host.name)
        host.reason = reason
        if reason:
            self.memory_tasks.lose(host, "its interpreter has died")
        self._remove(host)
        if not reason:
            event("interpreter_closed", interpreter=host.name)
            if isinstance(pool := self.plan.pool(host.assignment.pool), WorkerPool):
                self.scaling.watch(pool)
        else:
            event("interpreter_died", logging.ERROR, interpreter=host.name, reason=reason)
            if not host.sockets:
                text = f"The interpreter {host.name} has died: {reason.splitlines()[-1]}"
                self.judge(host, Verdict(claim=host.assignment.claim, reason=text, tasks={}))
            self.follow(host, self.restarts.pause_before(host))
            if self.restarts.are_spent(host, self.plan, self.hosts) and not self.worn_out.is_set():
                event("restarts_spent", logging.ERROR, interpreter=host.name, deaths=self.restarts.deaths[host.name])
                self.worn_out.set()

    def _remove(self, host: Host) -> None:
        """Forget an interpreter that has ended, or was never started."""
        self.hosts.remove(host)
        self.bridge.drop(host)
        host.close()
        self.changed.set()
        for seat in host.assignment.seats:
            row = self.board.seat(seat)
            row[Cell.STATE] = State.EMPTY
            row[Cell.BUSY_SINCE] = row[Cell.DEADLINE] = row[Cell.GATE] = row[Cell.POOL] = 0
            row[Cell.HELD] = row[Cell.WRITING] = row[Cell.DRAINS] = row[Cell.LEAVES] = 0
            row[Cell.DONE] = row[Cell.OBJECTS] = 0  # else its successor has done that much already (renewal.due)
            self.wakeups.empty_mailbox(seat)
        self.free_seats = sorted([*host.assignment.seats, *self.free_seats])

    def follow(self, host: Host, pause: float) -> None:
        """See to it that somebody takes the place of one that is no more, and settles the tasks that it held."""
        pool = self.plan.pool(host.assignment.pool)
        if self.stopping or host.on_trial or pool is None:
            return
        others = [other for other in self.hosts if other.name == host.name and not other.asked_to_stop]
        if not others:
            try:
                self.in_background(self.start_host(self.place(pool, host.name), pause))
            except OSError as error:  # no descriptor is free: clients may have them all
                logger.error("%s has no successor yet, again in %g s: %s", host.name, DESCRIPTORS_PAUSE, error)
                self.loop.call_later(DESCRIPTORS_PAUSE, self.follow, host, pause)
        elif self.verdicts.get(host.name):  # its successor was started before there was anything to settle
            self.in_background(self._replace_to_settle(others[0]))

    async def _replace_to_settle(self, successor: Host) -> None:
        while successor in self.hosts and not successor.ready:
            await self.wait_for_change()
        await self.renewal.replace(successor)

    def in_background(self, start: Coroutine[Any, Any, Any]) -> None:
        task = self.loop.create_task(start)
        self.starts.add(task)
        task.add_done_callback(self.starts.discard)

    async def off_the_loop[T](self, work: Callable[[], T]) -> T:
        """Run what makes an interpreter in a thread. It cannot be cancelled, so a stop waits for it."""
        thread = asyncio.ensure_future(asyncio.to_thread(work))
        self.off_loop.add(thread)
        thread.add_done_callback(self._back_from_thread)
        return await asyncio.shield(thread)

    def _back_from_thread(self, thread: asyncio.Future[Any]) -> None:
        thread.exception()  # whoever waited for it may be gone
        self.off_loop.discard(thread)
        self.changed.set()

    # What does not come back

    def cancel(self, task: str, claim: str) -> None:
        """End a task that runs here, or that a thread here is about to run, as the claim says."""
        if claim.startswith(f"{self.boot}/") and not self.cancel_running(task):
            self.unfound.add(task)

    def cancel_running(self, task: str) -> bool:
        return overrun.cancel(self.board, self.hosts, task, descriptors.signal)

    def judge(self, host: Host, verdict: Verdict) -> None:
        """Let a successor settle what this interpreter held."""
        self.verdicts.setdefault(host.name, []).append(verdict)

    async def wait_for_change(self, seconds: float | None = None) -> None:
        self.changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.changed.wait(), seconds)


def housekeeper_of(plan: Plan) -> str:
    """The interpreter that keeps house: the first one of the first pool that always has one."""
    return next((f"{pool.name}-1" for pool in plan.pools if isinstance(pool, WorkerPool) and pool.least), "")
