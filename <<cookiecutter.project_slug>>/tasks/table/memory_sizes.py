"""The sizes of the memory queues: OPTIONS of InterpreterQueueBackend in TASKS. Without models: the start reads it."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.tasks import DEFAULT_TASK_QUEUE_NAME

from runtime.shared.memory_queue import MOST_PLACES

DEFAULT_SIZE = 1000


def memory_sizes(setting: Any) -> tuple[tuple[str, int], ...]:
    """Each queue and its size. Raises ImproperlyConfigured with one line that names the option."""
    sizes: dict[str, int] = {}
    for alias, backend in setting.items():
        if str(backend.get("BACKEND", "")).endswith(".InterpreterQueueBackend"):
            size = _size(f'TASKS["{alias}"]["OPTIONS"]', backend.get("OPTIONS", {}))
            where, queues = f'TASKS["{alias}"]["QUEUES"]', list(backend.get("QUEUES", [DEFAULT_TASK_QUEUE_NAME]))
            if not queues:
                raise ImproperlyConfigured(f"{where}: it needs the names of its queues.")
            if twice := [queue for queue in queues if queue in sizes]:
                raise ImproperlyConfigured(
                    f"{where}: another InterpreterQueueBackend has the queue {twice[0]} already."
                )
            sizes |= dict.fromkeys(queues, size)
    return tuple(sizes.items())


def _size(where: str, options: Any) -> int:
    if not isinstance(options, dict) or not set(options) <= {"size"}:
        raise ImproperlyConfigured(f'{where}={options!r}: allowed is {{"size": tasks that may wait or run}}.')
    size = options.get("size", DEFAULT_SIZE)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MOST_PLACES:
        raise ImproperlyConfigured(f'{where}["size"]={size!r}: allowed is a whole number from 1 to {MOST_PLACES}.')
    return size
