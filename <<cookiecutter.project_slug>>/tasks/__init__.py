"""Background tasks: Django's task API on a durable queue in the project's database."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.awaiting import await_result, wait

__all__ = ("await_result", "wait")


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: before Django is set up, nothing here can import models."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tasks import awaiting

    return getattr(awaiting, name)
