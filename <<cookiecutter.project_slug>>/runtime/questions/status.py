"""`main.py status`: the interpreters and queues of the servers that run on this DATA_DIR."""

from typing import Any

from runtime.observe.inquiry import overview
from runtime.shared.node import running_nodes
from runtime.shared.plan import Plan
from runtime.shared.terminal import styled, table

INTERPRETERS = ("interpreter", "kind", "GIL", "state", ">age", ">starts", ">done", ">objects", "in hand")
QUEUES = ("queue", "state", ">ready", ">running", ">oldest", ">tasks/s")
LONGEST_WORK = 60  # characters of what an interpreter has in hand


def show_status(plan: Plan) -> int:
    """Print a table for each running server; returns 1 where none runs."""
    nodes = running_nodes(plan.data_path)
    if not nodes:
        print(f"No server runs on {plan.data_dir}.")
    for node in nodes:
        _show(node, overview(plan.data_path, node["node"]))
    return 0 if nodes else 1


def _show(node: dict[str, Any], state: dict[str, Any]) -> None:
    print(styled(f"{node.get('address', '')}  process {node['pid']}, node {node['node']}", "bold"))
    if not state:
        return print("It does not answer: it is starting, or leaves, or something holds main's GIL.")
    limit = f" of {_megabytes(state['memory_limit'])}" if state["memory_limit"] else ""
    print(f"up {duration(state['age'])}, {_megabytes(state['memory'])}{limit}, {state['waiting']} requests wait")
    for reason in state["unready"]:
        print(styled(f"not ready: {reason}", "red"))
    print()
    print(table(INTERPRETERS, [_interpreter(each) for each in state["interpreters"]]))
    print()
    print(table(QUEUES, [_queue(each) for each in state["queues"]]))


def _interpreter(each: dict[str, Any]) -> list[str]:
    numbers = f"{each['starts']}", f"{each['done']:,}", f"{each['objects']:,}"
    work = ", ".join(_in_hand(work) for work in each["work"])[:LONGEST_WORK]
    return [each["name"], each["kind"], each["gil"], each["state"], duration(each["age"]), *numbers, work]


def _in_hand(work: dict[str, Any]) -> str:
    progress = " {}/{}".format(*work["progress"]) if work["progress"] else ""
    return f"{work['task'] or work['request'] or '…'}{progress} {duration(work['seconds'])}"


def _queue(each: dict[str, Any]) -> list[str]:
    state = "paused" if each["paused"] else "open"
    counts = ["-" if each[name] is None else f"{each[name]:,}" for name in ("ready", "running")]
    return [each["name"], state, *counts, duration(each["oldest"]), f"{each['rate']:,g}"]


def _megabytes(number: int) -> str:
    return f"{number / 2**20:,.0f} MB"


def duration(seconds: float) -> str:
    """As people say it: 4.2 s, 3 min, 5 h, 12 d."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for unit, size, most in (("min", 60, 5400), ("h", 3600, 172_800)):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
