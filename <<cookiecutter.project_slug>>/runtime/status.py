"""`main.py status`: the interpreters and queues of the servers that run on this DATA_DIR."""

import urllib.request
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from runtime.node import running_nodes
from runtime.plan import Plan


def show_status(plan: Plan) -> int:
    """Print a table for each running server; returns 1 where none runs."""
    nodes = running_nodes(plan.data_path)
    if not nodes:
        print(f"No server runs on {plan.data_dir}.")
    for node in nodes:
        _show(node)
    return 0 if nodes else 1


def _show(node: dict[str, Any]) -> None:
    with urllib.request.urlopen(f"{node['address']}/metrics", timeout=5) as answer:  # noqa: S310
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    print(f"process {node['pid']} at {node['address']}, node {node['node']}\n")
    starts = {sample.labels["name"]: sample.value for sample in families["interpreter_starts"].samples}
    print(f"{'interpreter':<16}{'kind':<8}{'GIL':<10}{'state':<10}{'starts':>6}")
    for sample in families["interpreter_up"].samples:
        labels, state = sample.labels, "ready" if sample.value else "starting"
        name = labels["name"]
        print(f"{name:<16}{labels['kind']:<8}{labels['interpreter']:<10}{state:<10}{starts.get(name, 0):>6.0f}")
    print(f"\n{'queue':<16}{'ready':>7}{'running':>9}{'oldest':>10}")
    values = {
        name: _by_queue(families[name]) for name in ("queue_ready", "queue_running", "queue_oldest_ready_seconds")
    }
    for queue, ready in values["queue_ready"].items():
        running, oldest = values["queue_running"][queue], values["queue_oldest_ready_seconds"][queue]
        print(f"{queue:<16}{ready:>7.0f}{running:>9.0f}{oldest:>9.1f}s")


def _by_queue(family: Any) -> dict[str, float]:
    return {sample.labels["queue"]: sample.value for sample in family.samples}
