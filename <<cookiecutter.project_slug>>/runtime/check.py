"""`main.py --check`: start an interpreter of each pool, import what it would import, and say what does not load."""

import time
from typing import Any

from runtime.host import call_once
from runtime.plan import Plan, WebPool, WorkerPool


def check(plan: Plan) -> int:
    """Print a line for each pool and for the database; returns the exit code, 1 where something would not run."""
    failures = 0
    print(f"{'pool':<12}{'interpreter':<13}{'seconds':>8}{'modules':>9}  ")
    for pool in plan.pools:
        started = time.perf_counter()
        found: dict[str, Any] | None = call_once(pool.interpreter, "runtime.check:probe", pool.name, _queues(pool))
        problems = ["out of memory"] if found is None else found["problems"]
        modules = found["modules"] if found else 0
        seconds = time.perf_counter() - started
        verdict = "ok" if not problems else "does not load"
        print(f"{pool.name:<12}{pool.interpreter:<13}{seconds:>8.2f}{modules:>9}  {verdict}")
        for problem in problems:
            print(f"    {problem}")
        failures += bool(problems)
    for problem in plan.problems:
        print(f"warning: {problem}")
    database: dict[str, str] = call_once("isolated", "runtime.check:database")
    print("database    " + ", ".join(f"{key} {value}" for key, value in database.items()))
    return 1 if failures or "error" in database else 0


def _queues(pool: WebPool | WorkerPool) -> tuple[str, ...] | None:
    return None if isinstance(pool, WebPool) else pool.queues


def probe(pool: str, queues: tuple[str, ...] | None) -> dict[str, Any]:
    """Inside an interpreter of the pool: import what it needs. `queues` is None for the web."""
    import sys

    import django

    django.setup()
    problems = _load_web() if queues is None else _load_tasks(pool)
    return {"problems": problems, "modules": len(sys.modules)}


def _load_web() -> list[str]:
    from django.core.servers.basehttp import get_internal_wsgi_application
    from django.urls import get_resolver

    try:
        get_internal_wsgi_application()
        _ = get_resolver().url_patterns
    except Exception as error:
        return [_advice("the web", error)]
    return []


def _load_tasks(pool: str) -> list[str]:
    from tasks.discovery import load_tasks

    return [_advice(module, error) for module, error in load_tasks().items() if error is not None]


def _advice(what: str, error: BaseException) -> str:
    text = f"{what}: {error!r}"
    if "does not support loading in subinterpreters" in str(error):
        text += ' Import it inside the task, and give its pool "interpreter": "legacy" or "main" in INTERPRETERS.'
    return text


def database() -> dict[str, str]:
    """Connect, and read back what is in force on the connection."""
    import django

    django.setup()
    from django.db import connection

    try:
        with connection.cursor() as cursor:
            if connection.vendor != "sqlite":
                cursor.execute("SHOW server_version")
                return {"postgresql": cursor.fetchone()[0]}
            found = {}
            for pragma in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys"):
                cursor.execute(f"PRAGMA {pragma}")
                found[pragma] = str(cursor.fetchone()[0])
            return found
    except Exception as error:
        return {"error": str(error)}
