"""Any value of a task as a text that is short, soon made, and hides what Django's filter hides.

A container is cut before it is shown: the text of a list of ten million numbers would take seconds and a gigabyte.
"""

from collections import deque
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.views.debug import SafeExceptionReporterFilter

from tasks.errors import TaskCancelled, TaskTimeout

MOST_ITEMS = 20  # of a container
DEEPEST = 4  # containers within each other
LONGEST = 1000  # characters of a value
LONGEST_TEXT = 800  # characters of a text within
LARGEST_INT = 3000  # bits; Python refuses to write down much larger ones

ENDS = (TaskTimeout, TaskCancelled, MemoryError)  # from the watchdog: not the value's own error


class Shown:
    """A text that stands for a value: its repr is the text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def as_text(name: str, value: Any, secrets: SafeExceptionReporterFilter) -> str:
    """What the variable `name` holds. Stars where the name, or a key within the value, looks like a secret."""
    try:
        text = repr(secrets.cleanse_setting(name, small(value)))
    except BaseException as error:
        if isinstance(error, ENDS):
            raise
        text = f"<{type(value).__name__}: cannot be shown, {type(error).__name__}>"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def small(value: Any, depth: int = 0) -> Any:
    """The value with little of it left. By its type, not isinstance(), which wakes lazy objects."""
    kind = type(value)
    if issubclass(kind, (str, bytes, bytearray)):
        return value if len(value) <= LONGEST_TEXT else Shown(f"{value[:LONGEST_TEXT]!r}… (length {len(value):,})")
    if issubclass(kind, int):
        return value if value.bit_length() <= LARGEST_INT else Shown(f"<int of {value.bit_length():,} bits>")
    if issubclass(kind, (dict, list, tuple, set, frozenset, deque)):
        return _small_container(value, kind, depth) if depth < DEEPEST else Shown("…")
    if issubclass(kind, QuerySet) and value._result_cache is None:
        return Shown(f"<QuerySet of {value.model.__name__}, not evaluated>")  # its repr would ask the database
    return Shown(repr(value)[: 2 * LONGEST])


def _small_container(value: Any, kind: type, depth: int) -> Any:
    left = len(value) - MOST_ITEMS
    more = [Shown(f"… {left:,} more")] if left > 0 else []
    if issubclass(kind, dict):
        pairs = {_key(key, depth): small(item, depth + 1) for key, item in islice(value.items(), MOST_ITEMS)}
        return pairs | dict.fromkeys(more, Shown("…"))
    items = [small(item, depth + 1) for item in islice(value, MOST_ITEMS)] + more
    if issubclass(kind, (set, frozenset)):
        return Shown(f"{kind.__name__}({items!r})")
    return tuple(items) if issubclass(kind, tuple) else items


def _key(key: Any, depth: int) -> Any:
    """Something that can be a key: only texts are looked at for secrets."""
    return small(key) if issubclass(type(key), str) else Shown(repr(small(key, depth + 1)))
