"""Keys: what makes tasks the same for `unique`, and what they share under `limit`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeIs

from django.tasks.exceptions import InvalidTask

type Key = str | Callable[..., str]

LONGEST = 200  # characters: the columns' width
HIGHEST = 32_767

A_KEY = f"a key (a string of 1 to {LONGEST} characters)"
A_KEY_OR_CALLABLE = f"{A_KEY} or a callable that makes one of the task's arguments"


def check_unique(key: object) -> None:
    if not (callable(key) or _is_key(key)):
        raise InvalidTask(f"unique must be {A_KEY_OR_CALLABLE}, not {key!r}.")


def checked_limit(limit: object) -> tuple[Key, int]:
    match limit:
        case (key, int(number)) if not isinstance(number, bool) and 1 <= number <= HIGHEST:
            if callable(key) or _is_key(key):
                return key, number
    raise InvalidTask(
        f'limit must be ({A_KEY_OR_CALLABLE}, a whole number of 1 to {HIGHEST:,}), as in limit=("smtp", 3), '
        f"not {limit!r}."
    )


def key_of(option: str, key: Key, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    """The key of a task with these arguments. Raises InvalidTask where the callable gives none."""
    if isinstance(key, str):
        return key
    found: object = key(*args, **kwargs)
    if not _is_key(found):
        raise InvalidTask(f"The callable of {option} must give {A_KEY}, not {found!r}.")
    return found


def _is_key(value: object) -> TypeIs[str]:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST
