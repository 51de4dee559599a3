"""Entries of a task's history: the ends of attempts, and what became of it without one."""

from typing import Any, Literal

from django.utils import timezone

# How the entry ended. A timeout and a cancel of a running task are "failed": its error says which. What /metrics counts
# are the board's OUTCOMES, which tell those apart, and the retries.
type Outcome = Literal["failed", "lost", "cancelled", "chain broken"]


def entry(
    attempt: int, worker: str | None, outcome: Outcome, error: type[BaseException], message: str, **fields: Any
) -> dict[str, Any]:
    """`fields`: what else is known of it; without a traceback of its own, the message is that."""
    return {
        "attempt": attempt,
        "worker": worker,
        "outcome": outcome,
        "ended_at": timezone.now().isoformat(),
        "type": f"{error.__module__}.{error.__qualname__}",
        "message": message,
        "traceback": message,
    } | fields
