"""What `@task(…)` takes on DurableBackend beyond Django's own options."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeIs

from django.tasks import Task, TaskResult
from django.tasks.exceptions import InvalidTask

from tasks.errors import TaskCancelled

type Key = str | Callable[..., str]  # what makes tasks the same for `unique`, and what they share under `limit`
type Backoff = float | Callable[[BaseException, TaskResult], float | timedelta]

FIRST_BACKOFF = 5.0  # seconds before the second attempt where the task does not say; doubled for each further one
LONGEST_BACKOFF = 3600.0
JITTER = 0.25  # a pause is longer by up to this share, so that what failed together is not retried together
LONGEST_KEY = 200  # characters: the columns' width
HIGHEST_LIMIT = 32_767

A_KEY = f"a key (a string of 1 to {LONGEST_KEY} characters)"
A_KEY_OR_CALLABLE = f"{A_KEY} or a callable that makes one of the task's arguments"


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableTask(Task):
    """A task of the durable queue.

    max_attempts    how often it may fail before it counts as failed; deaths are counted apart
    backoff         seconds before the next attempt, or a callable (exception, task_result) that gives them
    retry_on        exception classes after which it may be run again
    on_lost         "retry" (up to three deaths) or "fail": what becomes of it when its process or interpreter dies
    timeout         seconds for one attempt; 0: the pool's
    unique          a key, or a callable of the task's arguments that gives one: while such a task has not ended,
                    enqueue() returns its result
    limit           (key or callable, number): at most so many tasks with this key run at once
    """

    max_attempts: int = 1
    backoff: Backoff | None = None
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    on_lost: str = "retry"
    timeout: float = 0
    unique: Key | None = None
    limit: tuple[Key, int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.retry_on, type):
            object.__setattr__(self, "retry_on", (self.retry_on,))
        object.__setattr__(self, "retry_on", tuple(self.retry_on))
        if not isinstance(self.max_attempts, int) or self.max_attempts < 1:
            raise InvalidTask("max_attempts must be a whole number, 1 or more.")
        if self.on_lost not in ("retry", "fail"):
            raise InvalidTask('on_lost must be "retry" or "fail".')
        if not isinstance(self.timeout, int | float) or self.timeout < 0:
            raise InvalidTask(f"timeout must be a number of seconds, 0 or more, not {self.timeout!r}.")
        if not (self.backoff is None or callable(self.backoff) or isinstance(self.backoff, int | float | timedelta)):
            raise InvalidTask(f"backoff must be a number of seconds or a callable that gives it, not {self.backoff!r}.")
        if not (self.unique is None or callable(self.unique) or _is_key(self.unique)):
            raise InvalidTask(f"unique must be {A_KEY_OR_CALLABLE}, not {self.unique!r}.")
        if self.limit is not None:
            object.__setattr__(self, "limit", _checked(self.limit))
        Task.__post_init__(self)

    def may_retry(self, exception: BaseException, failures: int) -> bool:
        """Whether to run it again after its attempts have failed `failures` times, this one included."""
        is_final = isinstance(exception, TaskCancelled) or failures >= self.max_attempts
        return not is_final and isinstance(exception, self.retry_on)

    def pause(self, exception: BaseException, result: TaskResult, failures: int) -> timedelta:
        """How long to wait before the next attempt."""
        if callable(self.backoff):
            pause: Any = self.backoff(exception, result)
        elif self.backoff is not None:
            pause = self.backoff * (1 + random.uniform(0, JITTER))
        else:
            return usual_pause(failures)
        return pause if isinstance(pause, timedelta) else timedelta(seconds=pause)


def usual_pause(failures: int) -> timedelta:
    """Twice as long after each failure, up to an hour or so."""
    pause = min(FIRST_BACKOFF * 2 ** min(failures - 1, 30), LONGEST_BACKOFF)
    return timedelta(seconds=pause * (1 + random.uniform(0, JITTER)))


def _checked(limit: object) -> tuple[Key, int]:
    match limit:
        case (key, int(number)) if not isinstance(number, bool) and 1 <= number <= HIGHEST_LIMIT:
            if callable(key) or _is_key(key):
                return key, number
    raise InvalidTask(
        f'limit must be ({A_KEY_OR_CALLABLE}, a whole number of 1 to {HIGHEST_LIMIT:,}), as in limit=("smtp", 3), '
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
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_KEY
