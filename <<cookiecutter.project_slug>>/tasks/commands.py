"""Management commands as tasks: `run_command.enqueue("clearsessions")`, or on a schedule (schedule.py)."""

import io
from typing import Any

from django.core.management import call_command
from django.tasks import task

LONGEST_OUTPUT = 20_000  # characters that are kept: the last ones


@task
def run_command(name: str, *arguments: Any, **options: Any) -> str:
    """Run a management command as it is, with what `call_command` takes; returns what it has written."""
    output = io.StringIO()
    call_command(name, *arguments, **options, stdout=output, stderr=output)
    return output.getvalue()[-LONGEST_OUTPUT:]
