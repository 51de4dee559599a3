"""The server at a glance: its interpreters and queues. One shape for `main.py status`, for the operations page and for
the stream that keeps that page up to date."""

import time
from typing import TYPE_CHECKING, Any

from runtime.interpreter.host import Host
from runtime.memory_limit.ledger import Use
from runtime.observe.history import History
from runtime.shared import descriptors
from runtime.shared.board import Cell, Gauge, State

if TYPE_CHECKING:
    from runtime.supervise.supervisor import Supervisor

COUNT_EVERY, COUNT_SELDOM = 0.9, 10.0  # seconds between two counts of the queues while somebody looks
MANY = 50_000  # waiting tasks, which take some milliseconds to count: then seldom


class Overview:
    def __init__(self, supervisor: Supervisor, node: str) -> None:
        self.supervisor, self.node, self.board = supervisor, node, supervisor.board
        self.history = History(self.board, supervisor.metrics.web)
        self.started, self.asked = time.monotonic(), 0.0

    def take(self) -> dict[str, Any]:
        """The state now; the queues as they were counted last. It takes a tenth of a millisecond."""
        metrics, now = self.supervisor.metrics, time.monotonic_ns()
        return {
            "node": self.node,
            "age": round(time.monotonic() - self.started, 1),
            "memory": Use.now().resident,
            "memory_limit": metrics.memory_limit(),
            "waiting": metrics.waiting(),
            "abandoned": self.supervisor.abandoned,
            "unready": self.supervisor.unready(),
            "samples": self.history.taken,
            **self._ended(),
            "interpreters": [self._interpreter(host, now) for host in self._in_order()],
            "queues": [self._queue(queue, now) for queue in self.board.queues],
        }

    def _ended(self) -> dict[str, int]:
        """Attempts since the start of the process, and those of them without success: the page then looks for tasks."""
        outcomes = [self.board.outcomes(queue) for queue in self.board.queues]
        ended = sum(sum(each.values()) for each in outcomes)
        return {"ended": ended, "failed": ended - sum(each["successful"] + each["retried"] for each in outcomes)}

    def live(self) -> dict[str, Any]:
        """As `take`, and have the queues counted for the next time."""
        waiting = sum(self.board.gauges(queue)[Gauge.READY] for queue in self.board.queues)
        if time.monotonic() - self.asked >= (COUNT_SELDOM if waiting > MANY else COUNT_EVERY):
            self.asked = time.monotonic()
            descriptors.signal(self.supervisor.wakeups.housekeeper)
        return self.take()

    def _in_order(self) -> list[Host]:
        """As the pools stand in the settings; the older one first where two have a name."""
        order = {pool.name: number for number, pool in enumerate(self.supervisor.plan.pools)}
        return sorted(
            self.supervisor.hosts, key=lambda host: (order.get(host.assignment.pool, len(order)), host.number)
        )

    def _interpreter(self, host: Host, now: int) -> dict[str, Any]:
        rows = [self.board.seat(seat) for seat in host.assignment.seats]
        return {
            "name": host.name,
            "kind": "web" if host.sockets else "worker",
            "gil": host.assignment.kind,
            "state": _state(host, rows),
            "age": round(time.monotonic() - host.started, 1),
            "generation": host.assignment.generation,
            "starts": self.supervisor.generations[host.name],
            "objects": rows[0][Cell.OBJECTS],
            "done": sum(row[Cell.DONE] for row in rows),
            "work": [work for seat in host.assignment.seats if (work := self._work(seat, now))],
        }

    def _work(self, seat: int, now: int) -> dict[str, Any]:
        """What a thread has in hand; empty where it has nothing."""
        work, row = self.supervisor.stacks.work_of(seat), self.board.seat(seat)
        if not work.since:
            return {}
        progress = [row[Cell.PROGRESS_DONE], row[Cell.PROGRESS_TOTAL]] if row[Cell.PROGRESS_TOTAL] else None
        seconds = round((now - work.since) / 1e9, 1)
        return {"task": work.task, "request": work.request, "seconds": max(seconds, 0), "progress": progress}

    def _queue(self, queue: str, now: int) -> dict[str, Any]:
        gauges = self.board.gauges(queue)
        since = (now - gauges[Gauge.COUNTED]) / 1e9
        counted = bool(gauges[Gauge.COUNTED])  # nobody does on a node without workers
        return {
            "name": queue,
            "ready": gauges[Gauge.READY] if counted else None,
            "running": gauges[Gauge.RUNNING] if counted else None,
            "oldest": round(gauges[Gauge.OLDEST] / 1000 + since, 1) if gauges[Gauge.READY] else 0,
            "rate": self.history.rate(queue),
            "paused": bool(gauges[Gauge.PAUSED]),
        }


def _state(host: Host, rows: list[memoryview]) -> str:
    """One word: starting, ready, busy, held (memory is short), replaced (its successor starts), leaving."""
    if not host.ready:
        return "starting"
    if host.asked_to_stop or State.LEAVING in [row[Cell.STATE] for row in rows]:
        return "leaving"
    if host.being_replaced:
        return "replaced"
    if any(row[Cell.HELD] for row in rows):
        return "held"
    return "busy" if any(row[Cell.BUSY_SINCE] for row in rows) else "ready"
