"""Recurring tasks, declared beside the task in a `tasks` module of an app:

    @schedule.every("10m")
    @task
    def refresh() -> None: ...

    schedule.cron("0 3 * * *", time_zone="Europe/Berlin")(run_command, "clearsessions")

The second one is the same decorator, called by hand: what follows the task are its arguments. The housekeeper keeps
the time (ticks.py).
"""

from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings
from django.tasks import Task, TaskResult
from django.tasks.exceptions import InvalidTask

from tasks.expressions import Cron, Every, When
from tasks.json_values import as_column

LONGEST_NAME = 200  # characters; the table's


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A task, its arguments and when it runs."""

    name: str
    when: When
    task: Task
    args: list[Any]
    kwargs: dict[str, Any]

    def enqueue(self) -> TaskResult:
        return self.task.enqueue(*self.args, **self.kwargs)


class Declare(Protocol):
    """Takes a task and its arguments, and gives the task back."""

    def __call__[T: Task](self, task: T, /, *args: Any, **kwargs: Any) -> T: ...


declarations: dict[str, Declaration] = {}  # by name: what the modules imported so far have declared


def every(interval: str, *, name: str = "") -> Declare:
    """Run a task at each full interval ("30s", "10m", "6h", "1d"), counted in UTC: 10m is at :00, :10, :20 …

    `name` is what the schedule is called in the admin and kept under; left out, the task's path and its arguments.
    """
    return _declare(Every(interval), name)


def cron(expression: str, *, time_zone: str = "", name: str = "") -> Declare:
    """Run a task at the times of a cron expression, by the clock of `time_zone` (left out: the setting TIME_ZONE).

    A fixed time that a day has not (02:30 when the clock goes forward) is made up for as soon as the clock has gone
    forward; one that a day has twice counts once. With a * in the minutes or hours it goes by what the clock shows.
    """
    return _declare(Cron(" ".join(expression.split()), time_zone or settings.TIME_ZONE), name)


def _declare(when: When, name: str) -> Declare:
    def declare[T: Task](task: T, /, *args: Any, **kwargs: Any) -> T:
        if not isinstance(task, Task):
            raise InvalidTask(f"{when}: this goes above @task, not below, and takes a task.")
        try:
            given = {"args": as_column("an argument", args), "kwargs": as_column("an argument", kwargs)}
        except (TypeError, ValueError) as error:
            raise InvalidTask(f"{when}: its arguments must be JSON: {error}") from error
        words = [task.module_path, *map(str, args), *(f"{key}={value}" for key, value in kwargs.items())]
        path = name or " ".join(words)
        if len(path) > LONGEST_NAME:
            raise InvalidTask(f"{when}: its name is too long, give it one: name=… ({path})")
        if path in declarations:
            raise InvalidTask(f"{when}: there is a schedule {path!r} already, give this one a name=….")
        declarations[path] = Declaration(name=path, when=when, task=task, **given)
        return task

    return declare
