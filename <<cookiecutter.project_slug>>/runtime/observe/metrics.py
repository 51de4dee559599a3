"""/metrics: what the main interpreter counts itself, and what it reads from the board, as Prometheus text."""

import time
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from runtime.http.web_metrics import WebMetrics
from runtime.interpreter.host import Host
from runtime.memory_limit.ledger import Use
from runtime.shared.board import BUCKETS, Board, Cell, Gauge
from runtime.shared.memory_queue import MemoryQueue

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    def __init__(self, board: Board) -> None:
        self.board, self.web = board, WebMetrics()
        self.memory_limit: Callable[[], int] = lambda: 0  # bytes; 0: none
        self.waiting: Callable[[], int] = lambda: 0  # requests that wait for a web thread
        self.live_pages: Callable[[], int] = lambda: 0  # that hear from main (live.py)
        self.hosts: Callable[[], list[Host]] = list
        self.memory_queues: dict[str, MemoryQueue] = {}
        self.generations: Callable[[], dict[str, int]] = dict  # interpreters that have had a name
        self.abandoned: Callable[[], int] = lambda: 0
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def text(self) -> str:
        return generate_latest(self.registry).decode()

    def collect(self) -> Iterator[Metric]:
        yield from self._interpreters()
        yield from self._web()
        yield from self._tasks()
        yield from self._queues()
        yield from self._memory_queues()
        yield GaugeMetricFamily("process_resident_memory_bytes", "Memory of the process.", Use.now().resident)
        yield GaugeMetricFamily("process_memory_limit_bytes", "What it may take; 0: no limit.", self.memory_limit())

    def _interpreters(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "interpreter_up", "1 while it is ready for work.", labels=["name", "kind", "interpreter"]
        )
        blocks = GaugeMetricFamily(
            "interpreter_allocated_blocks", "Objects in use, as its collector counts.", labels=["name"]
        )
        for host in _shown(self.hosts()):
            kind = "web" if host.sockets else "worker"
            up.add_metric([host.name, kind, host.assignment.kind], int(host.ready))
            blocks.add_metric([host.name], self.board.seat(host.assignment.seats[0])[Cell.OBJECTS])
        starts = CounterMetricFamily("interpreter_starts", "Times it was started.", labels=["name"])
        for name, number in sorted(self.generations().items()):
            starts.add_metric([name], number)
        yield from (up, blocks, starts)
        yield GaugeMetricFamily(
            "interpreter_abandoned", "Interpreters that did not come back in time.", self.abandoned()
        )

    def _web(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("web_requests", "Requests answered.", labels=["status"])
        for status, number in sorted(self.web.by_status.items()):
            requests.add_metric([str(status)], number)
        yield requests
        seconds = HistogramMetricFamily("web_request_seconds", "From a request's head until its response is handed on.")
        seconds.add_metric([], _cumulative(self.web.buckets), self.web.seconds)
        yield seconds
        yield GaugeMetricFamily("web_waiting", "Requests that wait for a web thread.", self.waiting())
        yield GaugeMetricFamily("web_live_pages", "Open pages that are told what changes.", self.live_pages())

    def _tasks(self) -> Iterator[Metric]:
        total = CounterMetricFamily("tasks", "Ended attempts.", labels=["queue", "outcome"])
        seconds = HistogramMetricFamily("task_seconds", "How long attempts ran.", labels=["queue"])
        for queue in self.board.queues:
            for outcome, number in self.board.outcomes(queue).items():
                total.add_metric([queue, outcome], number)
            buckets, spent = self.board.task_seconds(queue)
            seconds.add_metric([queue], _cumulative(buckets), spent)
        yield from (total, seconds)

    def _queues(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily("queue_ready", "Tasks that wait and could run now.", labels=["queue"])
        running = GaugeMetricFamily("queue_running", "Tasks that run.", labels=["queue"])
        oldest = GaugeMetricFamily(
            "queue_oldest_ready_seconds", "How long the oldest ready task has waited.", labels=["queue"]
        )
        for queue in self.board.queues:
            gauges = self.board.gauges(queue)
            ready.add_metric([queue], gauges[Gauge.READY])
            running.add_metric([queue], gauges[Gauge.RUNNING])
            age = (time.monotonic_ns() - gauges[Gauge.COUNTED]) / 1e9 if gauges[Gauge.READY] else 0
            oldest.add_metric([queue], round(gauges[Gauge.OLDEST] / 1000 + age, 3))
        yield from (ready, running, oldest)

    def _memory_queues(self) -> Iterator[Metric]:
        ready = GaugeMetricFamily("memory_queue_ready", "Tasks that wait in memory.", labels=["queue"])
        size = GaugeMetricFamily("memory_queue_size", "How many may wait or run.", labels=["queue"])
        for name, queue in self.memory_queues.items():
            ready.add_metric([name], queue.number_waiting)
            size.add_metric([name], len(queue.places))
        yield from (ready, size)


def _shown(hosts: list[Host]) -> list[Host]:
    """One for each name: the latest that is ready."""
    by_name = {host.name: host for host in sorted(hosts, key=lambda host: (host.ready, host.assignment.generation))}
    return [by_name[name] for name in sorted(by_name)]


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return list(zip(bounds, accumulate(buckets, initial=None), strict=True))
