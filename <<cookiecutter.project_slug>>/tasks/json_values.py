"""What goes into a task and comes out of it is JSON. Who gives something else is told whose it was, and what to do."""

from collections.abc import Sequence
from typing import Any

from django.utils.json import normalize_json


def arguments_of(path: str, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """As the row keeps them. Raises TypeError."""
    return {"args": as_json(f"an argument of {path}", args), "kwargs": as_json(f"an argument of {path}", kwargs)}


def as_json(what: str, value: Any) -> Any:
    """Tuples become lists. Raises TypeError where JSON cannot hold the value."""
    try:
        return normalize_json(value)
    except TypeError as error:
        raise TypeError(f"{error}: {what} must be JSON. Give the id of an object, the isoformat() of a date.") from None
