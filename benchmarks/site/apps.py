import os
import threading
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created


class SiteConfig(AppConfig):
    name = "benchmarks.site"
    label = "site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        if settings.BENCHMARK_QUERIES:
            write_down_queries(Path(settings.BENCHMARK_QUERIES))


def write_down_queries(path: Path) -> None:
    """Append a line for each statement that SQLite executes in this interpreter: also what goes past Django's cursors,
    as BEGIN, PRAGMA and the health check of a connection do. What came before this signal is one line: a connection.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(statement: str) -> None:
        line = f"{threading.current_thread().name}: {' '.join(statement.split())}\n"
        os.write(descriptor, line.encode())

    def trace(connection: Any, **_: object) -> None:
        write("(a new connection)")
        connection.connection.set_trace_callback(write)

    connection_created.connect(trace, weak=False, dispatch_uid="benchmarks")
