"""The table of log events in docs/operations.md is what the code logs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
TEMPLATE = REPOSITORY / "<<cookiecutter.project_slug>>"


def events() -> Iterator[str]:
    """The texts in the first arguments of all `event(…)`."""
    for package in ("runtime", "tasks", "samples", "ops", "accounts"):
        for path in (TEMPLATE / package).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text()))
            calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "event"]
            parts = [part for call in calls for argument in call.args[:1] for part in ast.walk(argument)]
            yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_the_table_names_them_all() -> None:
    text = (REPOSITORY / "docs/operations.md").read_text()
    table = text.partition("## What the log says")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]

    assert len(told) == len(set(told))
    assert set(told) == set(events())
