"""New interpreters in the place of old ones while both serve: at a reload, and where one has served long enough."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from runtime.interpreter.host import Host
from runtime.shared.board import Board, Cell
from runtime.shared.log import event
from runtime.shared.plan import Plan, WebPool, WorkerPool
from runtime.supervise import overrun
from runtime.supervise.seats import widest

if TYPE_CHECKING:
    from runtime.supervise.supervisor import Supervisor

PAUSE_AFTER_FAILURE = 30.0  # seconds before the next try where a successor did not come up

type Trial = Callable[[Host], Awaitable[str]]  # what is wrong with a new interpreter; "" where it does well


class Renewal:
    """The part of the supervisor that replaces what lives. A successor on trial does not count as one of its pool."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    async def replace(self, host: Host, plan: Plan | None = None, trial: Trial | None = None) -> str:
        """Start a successor by `plan` (the present one), then ask a host to leave: nothing waits meanwhile.

        Returns why not, and "" where it is done. Then the host goes on.
        """
        plan, leaves = plan or self.supervisor.plan, host.asked_to_stop or self.supervisor.stopping
        pool = plan.pool(host.assignment.pool)
        if pool is None or host.being_replaced or leaves or host not in self.supervisor.hosts:
            return "it is about to leave"
        host.being_replaced = True
        try:
            await self.wait_for_seats(pool)
            if host not in self.supervisor.hosts or host.asked_to_stop:
                return "it has left"
            return await self._try_successor(host, self.supervisor.place(pool, host.name, plan), trial)
        finally:
            host.being_replaced = False
            self.supervisor.changed.set()

    async def _try_successor(self, host: Host, successor: Host, trial: Trial | None) -> str:
        supervisor = self.supervisor
        successor.on_trial = True
        await supervisor.start_host(successor)
        flaw = await trial(successor) if trial and successor.ready else ""
        if not successor.serves or successor not in supervisor.hosts:
            flaw = f"its successor did not come up: {successor.reason.rpartition('\n')[2]}"
        if host.is_lost and successor in supervisor.hosts:
            flaw = ""  # better this one than none
        successor.on_trial = False
        supervisor.retire(successor if flaw or (host.asked_to_stop and not host.is_lost) else host)
        if flaw and host.is_lost:
            supervisor.follow(host, supervisor.restarts.pause_before(host))
        return flaw

    async def wait_for_seats(self, pool: WebPool | WorkerPool) -> None:
        """Until there are seats for one more of the pool, and those that others may need at once.

        Those who leave keep theirs until they have finished what they do.
        """
        told = False
        while len(self.supervisor.free_seats) < pool.threads + self._seats_to_grow() + self.seats_for_abandoned():
            if not told:
                told = True
                leaving = [host.name for host in self.supervisor.hosts if host.asked_to_stop]
                event("waiting_for_seats", pool=pool.name, leaving=",".join(leaving))
            await self.supervisor.wait_for_change()

    def _seats_to_grow(self) -> int:
        """Seats that the pools need to reach their most."""
        supervisor = self.supervisor
        return sum(max(0, pool.most - len(supervisor.hosts_of(pool))) * pool.threads for pool in supervisor.plan.pools)

    def seats_for_abandoned(self) -> int:
        """Seats for the successors of those that may still have to be abandoned."""
        return max(0, overrun.MOST_ABANDONED - self.supervisor.abandoned) * widest(self.supervisor.plan)

    async def adopt(self, plan: Plan) -> None:
        """Go on with another plan: first start what it has more, then let go what it has less."""
        supervisor = self.supervisor
        for pool in plan.pools:
            for _ in range(pool.least - len(supervisor.hosts_of(pool))):
                await self.wait_for_seats(pool)
                await supervisor.start_host(supervisor.place(pool, plan=plan))
        supervisor.plan = supervisor.bridge.plan = plan
        for host in self._surplus(plan):
            supervisor.retire(host)
        for pool in plan.pools:
            for _ in range(pool.least - len(supervisor.hosts_of(pool))):  # what did not come up the first time
                supervisor.in_background(supervisor.start_host(supervisor.place(pool)))
        supervisor.scale()

    def _surplus(self, plan: Plan) -> list[Host]:
        """Those of pools that are no more, and those with the highest numbers where a pool has too many."""
        gone = [host for host in self.supervisor.hosts if plan.pool(host.assignment.pool) is None]
        for pool in plan.pools:
            gone += sorted(self.supervisor.hosts_of(pool), key=lambda host: host.number)[pool.most :]
        return gone

    def start_afresh(self, host: Host, plan: Plan) -> None:
        """One that waits to be started again after its death need not wait any longer: there is new code."""
        pool = plan.pool(host.assignment.pool)
        self.supervisor.retire(host)
        if pool is not None:
            self.supervisor.in_background(self.supervisor.start_host(self.supervisor.place(pool, host.name, plan)))

    def recycle(self) -> None:
        """Replace those that have served long enough."""
        for host in self.supervisor.hosts:
            pool = self.supervisor.plan.pool(host.assignment.pool)
            if pool and (reason := due(self.supervisor.board, pool, host)):
                self.supervisor.in_background(self._recycle(host, reason))

    def recycle_one(self, host: Host) -> bool:
        """Replace one because a person wants it. False where it is about to be, or to leave."""
        if host.being_replaced or not host.serves or self.supervisor.stopping:
            return False
        self.supervisor.in_background(self._recycle(host, "asked for"))
        return True

    async def _recycle(self, host: Host, reason: str) -> None:
        if flaw := await self.replace(host):
            host.keep_until = time.monotonic() + PAUSE_AFTER_FAILURE
            event("recycling_failed", logging.WARNING, interpreter=host.name, reason=flaw)
        else:
            event("interpreter_recycled", interpreter=host.name, reason=reason)


def due(board: Board, pool: WebPool | WorkerPool, host: Host) -> str:
    """The option that asks for it; "" where none does, or it is on its way already."""
    if not host.serves or host.being_replaced or host.on_trial or time.monotonic() < host.keep_until:
        return ""
    rows = [board.seat(seat) for seat in host.assignment.seats]
    done = sum(row[Cell.DONE] for row in rows)
    if isinstance(pool, WebPool):
        return "max_requests" if 0 < pool.max_requests <= done else ""
    if 0 < pool.max_tasks <= done:
        return "max_tasks"
    return "max_growth" if 0 < pool.max_growth < rows[0][Cell.OBJECTS] - host.objects else ""
