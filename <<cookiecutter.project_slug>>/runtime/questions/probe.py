"""Inside an interpreter that `main.py --check` tries: import what would be imported there, and say what does not."""

import sqlite3
import sys
from typing import Any

from runtime.start.explain import chain, in_one_line, is_refusal, refused

type Problem = dict[str, Any]

PRAGMAS = ("journal_mode", "synchronous", "wal_autocheckpoint", "busy_timeout", "foreign_keys")
SYNCHRONOUS = ("off", "normal", "full", "extra")


def web() -> dict[str, Any]:
    """What the web imports before its first request, and with it."""
    return _tried(_load_web)


def tasks() -> dict[str, Any]:
    """What a worker imports before its first task."""
    return _tried(_load_tasks)


def start() -> dict[str, Any]:
    """What Django's own checks say, and what is in force on a connection to the database."""
    found = _tried(_check)
    problems = found["problems"]
    return {"problems": problems, "database": [] if problems else _database(problems)}


def _tried(load: Any) -> dict[str, Any]:
    """`imported`: the packages that are there in the end."""
    import django

    try:
        django.setup()
        problems: list[Problem] = load()
    except BaseException as error:  # SystemExit too
        problems = [_problem(error)]
    imported = {name.partition(".")[0] for name in sys.modules}
    return {"problems": problems, "modules": len(sys.modules), "imported": sorted(imported)}


def _problem(error: BaseException, what: str = "") -> Problem:
    """`chain` and `refused` where a library refuses the interpreter, else `text`."""
    if is_refusal(error):
        return {"chain": chain(error), "refused": refused(error), "text": ""}
    return _text(what + in_one_line(error))


def _text(text: str) -> Problem:
    return {"chain": [], "refused": "", "text": text}


def _load_web() -> list[Problem]:
    from django.core.servers.basehttp import get_internal_wsgi_application
    from django.urls import get_resolver

    get_internal_wsgi_application()
    _ = get_resolver().url_patterns
    return []


def _load_tasks() -> list[Problem]:
    from tasks.discovery import load_tasks

    return [_problem(error, f"{module}: ") for module, error in load_tasks().items() if error is not None]


def _check() -> list[Problem]:
    from runtime.start.refusals import failed_checks

    return [_text(problem) for problem in failed_checks()]


def _database(problems: list[Problem]) -> list[str]:
    """What the database is, and the PRAGMAs in force on a new connection."""
    from django.db import connection

    try:
        with connection.cursor() as cursor:
            if connection.vendor != "sqlite":
                cursor.execute("SHOW server_version")
                return [f"{connection.display_name} {cursor.fetchone()[0]}"]
            found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}
    except Exception as error:
        problems.append(_text("the database: " + in_one_line(error)))
        return []
    if found["journal_mode"] != "wal":
        problems.append(_text("the database: SQLite has no WAL here: put DATA_DIR on a local disk, or use PostgreSQL."))
    words = {"synchronous": SYNCHRONOUS, "foreign_keys": ("off", "on")}
    in_force = [f"{name} {words[name][value] if name in words else value}" for name, value in found.items()]
    return [f"SQLite {sqlite3.sqlite_version}", *in_force]
