"""Text for people at a terminal: tables whose columns fit, in colour where a terminal shows it, plain where not."""

import os
import sys
from collections.abc import Sequence
from typing import Any

STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}
COLOURS = {  # of the words that states are told in
    "ready": "green", "busy": "yellow", "starting": "yellow", "leaving": "yellow", "replaced": "yellow", "held": "red",
    "open": "green", "paused": "red", "FAILED": "red", "SUCCESSFUL": "green", "RUNNING": "yellow", "WAITING": "dim",
}  # fmt: skip


def styled(text: str, style: str, stream: Any = None) -> str:
    """In colour where the stream shows it; NO_COLOR (no-color.org) says that nobody wants them."""
    out = stream or sys.stdout
    rich = style and out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if rich else text


def table(head: Sequence[str], rows: Sequence[Sequence[str]], stream: Any = None) -> str:
    """Lines with columns as wide as they need be. A head that begins with ">" stands, as its column, to the right."""
    names = [name.lstrip(">") for name in head]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]

    def line(cells: Sequence[str], style: str = "") -> str:
        shown = []
        for name, width, cell in zip(head, widths, cells, strict=True):
            text = cell.rjust(width) if name.startswith(">") else cell.ljust(width)
            shown.append(styled(text, style or COLOURS.get(cell, ""), stream))
        return "  ".join(shown).rstrip()

    return "\n".join([line(names, "bold"), *map(line, rows)])
