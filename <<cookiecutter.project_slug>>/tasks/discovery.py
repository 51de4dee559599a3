"""Importing the project's task modules."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import apps


def load_tasks() -> dict[str, BaseException | None]:
    """Import the `tasks` module of every installed app; the error of each one that does not import here, or None."""
    outcome: dict[str, BaseException | None] = {}
    for config in apps.get_app_configs():
        name = f"{config.name}.tasks"
        if find_spec(name) is not None:
            outcome[name] = None
            try:
                import_module(name)
            except Exception as error:
                outcome[name] = error
    return outcome
