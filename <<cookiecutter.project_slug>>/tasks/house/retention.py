"""How long finished tasks are kept: OPTIONS of the durable backend in TASKS. Without models: the start reads it."""

from dataclasses import dataclass, fields
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from runtime.shared.plan import is_number

MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What stays in the table. None: without that limit.

    Failed tasks stay longer: somebody is to look at them, and may want to run them again. They are counted apart, so
    that a flood of successful ones does not drive them out.
    """

    keep_days: float | None = 14  # after they have ended well
    keep_failed_days: float | None = 60
    keep_tasks: int | None = 100_000  # the newest of those that have ended well, and as many of the failed


def retention(setting: Any) -> Retention:
    """What TASKS says. Raises ImproperlyConfigured with one line that names the option."""
    for alias, backend in setting.items():
        if str(backend.get("BACKEND", "")).endswith(".DurableBackend"):
            return _checked(f'TASKS["{alias}"]["OPTIONS"]', backend.get("OPTIONS", {}))
    return Retention()


def _checked(where: str, options: Any) -> Retention:
    if not isinstance(options, dict):
        raise ImproperlyConfigured(f"{where}={options!r}: allowed is a dictionary of options.")
    names = [field.name for field in fields(Retention)]
    for option, value in options.items():
        if option not in names:
            raise ImproperlyConfigured(f'{where}["{option}"]: no such option; there are {", ".join(names)}.')
        whole = option == "keep_tasks"
        if value is not None and not (is_number(value, whole=whole) and (whole or value <= MOST_DAYS)):
            kind = "whole number, 0 or more" if whole else f"number of days from 0 to {MOST_DAYS}"
            raise ImproperlyConfigured(f'{where}["{option}"]={value!r}: allowed is a {kind}, or None for no limit.')
    return Retention(**options)
