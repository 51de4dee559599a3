"""What goes into a task and comes out of it is JSON. Who gives something else is told whose it was, and what to do."""

import json
import re
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.json import normalize_json

NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it, and not a backslash before the letters u0000

encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


def arguments_of(path: str, args: Sequence[Any], kwargs: dict[str, Any], *, in_row: bool = True) -> dict[str, Any]:
    """As the task is called with them. Raises TypeError."""
    convert = as_column if in_row else as_json
    return {"args": convert(f"an argument of {path}", args), "kwargs": convert(f"an argument of {path}", kwargs)}


def as_json(what: str, value: Any) -> Any:
    """Tuples become lists. Raises TypeError where JSON cannot hold the value."""
    try:
        return normalize_json(value)
    except TypeError as error:
        raise TypeError(f"{error}: {what} must be JSON. Give the id of an object, the isoformat() of a date.") from None


def as_column(what: str, value: Any) -> Any:
    """The same, for a row: databases refuse NaN, infinity, ints of more than 4,300 digits, PostgreSQL some letters."""
    plain = as_json(what, value)
    if plain:
        try:
            text = encode(plain)
            if connection.vendor == "postgresql":
                text.encode()  # refuses halves of surrogate pairs, as jsonb does
                if "\\u0000" in text and NUL.search(text):
                    raise ValueError("PostgreSQL takes no NUL in JSON")
        except ValueError as error:
            raise TypeError(f"{error}: {what} must be JSON.") from None
    return plain
