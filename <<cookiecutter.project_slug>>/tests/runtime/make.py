"""Plans, assignments and requests for tests, with every field that a test does not care about filled in."""

from pathlib import Path
from typing import Any

from runtime.interpreter.inside import Assignment
from runtime.shared import descriptors
from runtime.shared.agreement import fingerprint
from runtime.shared.descriptors import Wakeups
from runtime.shared.plan import Plan, WebPool, WorkerPool


def make_plan(folder: Path, *workers: WorkerPool, **fields: Any) -> Plan:
    queues = tuple(dict.fromkeys(queue for pool in workers for queue in pool.queues))
    defaults: dict[str, Any] = {
        "base_dir": str(folder), "data_dir": str(folder), "debug": False, "database": "sqlite3",
        "host": "127.0.0.1", "port": 0, "roles": ("web", "workers"), "shutdown_timeout": 30.0, "memory_limit": 0,
        "max_request_body": 1000000, "trusted_proxies": (), "log_format": "text", "queues": queues,
        "web": WebPool(), "workers": workers,
    }  # fmt: skip
    return Plan(**defaults | fields)


def make_assignment(plan: Plan, wakeups: Wakeups, **fields: Any) -> Assignment:
    """It has descriptors of its own: close `stop` and `watch`."""
    defaults: dict[str, Any] = {
        "name": "default-1", "pool": "default", "kind": "isolated", "target": "tests.runtime.loops:until_told",
        "boot": "node/boot", "generation": 0, "seats": (0,), "board_seats": 4, "wakeups": wakeups,
        "stop": descriptors.event(), "watch": descriptors.event(), "sockets": (), "waiting_room": -1,
        "fingerprint": fingerprint(), "housekeeper": False, "plan": plan,
    }  # fmt: skip
    return Assignment(**defaults | fields)


def make_request(**fields: Any) -> tuple[Any, ...]:
    """A request frame."""
    defaults: dict[str, Any] = {
        "number": 1, "method": "GET", "path": "/", "query": "", "version": "1.1", "scheme": "http",
        "client": "127.0.0.1:50000", "server": "127.0.0.1:8000", "headers": [("host", "localhost")], "body": b"",
    }  # fmt: skip
    assert set(fields) <= set(defaults)
    return tuple((defaults | fields).values())
