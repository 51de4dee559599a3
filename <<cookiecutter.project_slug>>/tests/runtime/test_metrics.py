"""/metrics: the names of the contract, and figures that are those of the board."""

from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.memory_limit.ledger import Use
from runtime.observe.metrics import Metrics
from runtime.shared.board import BUCKETS, OUTCOMES, Board, Cell, Gauge

QUEUES = ("critical", "default")
CONTRACT = {
    "interpreter_up": {"name", "kind", "interpreter"},
    "interpreter_starts_total": {"name"},
    "interpreter_abandoned": set(),
    "interpreter_allocated_blocks": {"name"},
    "web_requests_total": {"status"},
    "web_request_seconds_bucket": {"le"},
    "web_waiting": set(),
    "tasks_total": {"queue", "outcome"},
    "task_seconds_bucket": {"queue", "le"},
    "queue_ready": {"queue"},
    "queue_running": {"queue"},
    "queue_oldest_ready_seconds": {"queue"},
    "process_resident_memory_bytes": set(),
}


@pytest.fixture
def metrics():
    metrics = Metrics(Board(QUEUES, seats=2))
    metrics.hosts = lambda: [host("web-1", "isolated", 0, sockets=[()]), host("images-1", "legacy", 1, ready=False)]
    metrics.generations = lambda: {"web-1": 3, "images-1": 1}
    return metrics


def host(name, kind, seat, *, sockets=(), ready=True, generation=0):
    assignment = SimpleNamespace(kind=kind, seats=(seat,), generation=generation)
    return SimpleNamespace(name=name, sockets=sockets, ready=ready, assignment=assignment)


def samples(metrics):
    families = text_string_to_metric_families(metrics.text())
    return [sample for family in families for sample in family.samples]


def value(metrics, name, /, **labels):
    (found,) = [sample.value for sample in samples(metrics) if sample.name == name and sample.labels == labels]
    return found


def test_the_names_and_labels_are_those_of_the_contract(metrics):
    metrics.web.count(200, 0.1)
    found = {sample.name: set(sample.labels) for sample in samples(metrics)}

    assert CONTRACT.items() <= found.items()


def test_nothing_has_happened_yet(metrics):
    assert value(metrics, "web_request_seconds_count") == 0
    assert value(metrics, "web_waiting") == 0
    assert all(value(metrics, "tasks_total", queue="default", outcome=outcome) == 0 for outcome in OUTCOMES)


def test_of_two_with_the_same_name_the_new_one_is_shown_once_it_is_ready(metrics):
    old, new = host("web-1", "isolated", 0, sockets=[()]), host("web-1", "legacy", 1, sockets=[()], generation=1)
    metrics.hosts = lambda: [new, old]
    assert value(metrics, "interpreter_up", name="web-1", kind="web", interpreter="legacy") == 1
    new.ready = False
    assert value(metrics, "interpreter_up", name="web-1", kind="web", interpreter="isolated") == 1


def test_interpreters(metrics):
    metrics.board.seat(0)[Cell.OBJECTS] = 12345
    metrics.abandoned = lambda: 2

    assert value(metrics, "interpreter_up", name="web-1", kind="web", interpreter="isolated") == 1
    assert value(metrics, "interpreter_up", name="images-1", kind="worker", interpreter="legacy") == 0
    assert value(metrics, "interpreter_starts_total", name="web-1") == 3
    assert value(metrics, "interpreter_allocated_blocks", name="web-1") == 12345
    assert value(metrics, "interpreter_abandoned") == 2


def test_requests_by_status_and_seconds(metrics):
    for status, seconds in ((200, 0.003), (200, 0.004), (503, 700)):
        metrics.web.count(status, seconds)

    assert value(metrics, "web_requests_total", status="200") == 2
    assert value(metrics, "web_requests_total", status="503") == 1
    assert value(metrics, "web_request_seconds_bucket", le="0.0025") == 0
    assert value(metrics, "web_request_seconds_bucket", le="0.005") == 2
    assert value(metrics, "web_request_seconds_bucket", le="600.0") == 2
    assert value(metrics, "web_request_seconds_bucket", le="+Inf") == 3
    assert value(metrics, "web_request_seconds_count") == 3
    assert value(metrics, "web_request_seconds_sum") == pytest.approx(700.007)


def test_tasks_by_queue_and_outcome(metrics):
    metrics.board.count_outcome(0, "default", "successful", seconds=0.2)
    metrics.board.count_outcome(1, "default", "successful", seconds=2)
    metrics.board.count_outcome(1, "critical", "lost")

    assert value(metrics, "tasks_total", queue="default", outcome="successful") == 2
    assert value(metrics, "tasks_total", queue="critical", outcome="lost") == 1
    assert value(metrics, "task_seconds_count", queue="default") == 2
    assert value(metrics, "task_seconds_sum", queue="default") == pytest.approx(2.2)
    assert value(metrics, "task_seconds_count", queue="critical") == 0


def test_buckets_only_grow(metrics):
    for number, bound in enumerate(BUCKETS):
        metrics.board.count_outcome(number % 2, "default", "failed", seconds=bound)
    buckets = [
        sample.value
        for sample in samples(metrics)
        if sample.name == "task_seconds_bucket" and sample.labels["queue"] == "default"
    ]

    assert buckets == [*range(1, len(BUCKETS) + 1), len(BUCKETS)]


def test_queues(metrics):
    gauges = metrics.board.gauges("default")
    gauges[Gauge.READY], gauges[Gauge.RUNNING] = 7, 2

    assert value(metrics, "queue_ready", queue="default") == 7
    assert value(metrics, "queue_running", queue="default") == 2
    assert value(metrics, "queue_ready", queue="critical") == 0


def test_the_oldest_task_grows_older_after_it_was_counted(metrics, monkeypatch):
    gauges = metrics.board.gauges("default")
    gauges[Gauge.READY], gauges[Gauge.OLDEST], gauges[Gauge.COUNTED] = 1, 1500, 1_000_000_000
    monkeypatch.setattr("time.monotonic_ns", lambda: 3_000_000_000)

    assert value(metrics, "queue_oldest_ready_seconds", queue="default") == 3.5
    assert value(metrics, "queue_oldest_ready_seconds", queue="critical") == 0


def test_who_waits_is_asked_for_when_it_is_read(metrics):
    waiting = [1, 2, 3]
    metrics.waiting = lambda: len(waiting)
    assert value(metrics, "web_waiting") == 3
    waiting.clear()
    assert value(metrics, "web_waiting") == 0


def test_resident_memory_is_what_the_kernel_says():
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith("VmRSS")]

    assert Use.now().resident == pytest.approx(int(line.split()[1]) * 1024, rel=0.2)
