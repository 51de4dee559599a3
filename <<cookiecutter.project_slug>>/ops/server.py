"""What main says of the server that serves this page (runtime/supervise/answers.py), and what it is asked to do."""

from typing import Any

from django.conf import settings

from runtime.interpreter import inside
from runtime.observe import inquiry
from runtime.shared.node import running_nodes


def node() -> str:
    """The id of this node; with another WSGI server than main.py, of one that runs beside it."""
    if inside.current is not None:
        return inside.current.boot.partition("/")[0]
    return next((str(found["node"]) for found in running_nodes(settings.DATA_DIR)), "-")


def overview() -> dict[str, Any]:
    """Empty where no server answers."""
    return inquiry.overview(settings.DATA_DIR, node())


def history() -> str:
    """JSON (runtime/observe/history.py)."""
    return _ask("history", node()) or "{}"


def recycle(name: str) -> bool:
    return bool(_ask("recycle", node(), name))


def kill(name: str) -> bool:
    return bool(_ask("kill", node(), name))


def stack(task: str) -> str:
    """Of a running task, as in a traceback; "" where it does not run."""
    return _ask("stack", task, "0")


def _ask(*words: str) -> str:
    if any(not word or word.split() != [word] for word in words):
        return ""  # no name that main could know
    try:
        return inquiry.put(settings.DATA_DIR, " ".join(words))
    except TimeoutError:
        return ""
