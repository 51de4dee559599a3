"""When a recurring task runs: `every("10m")` or a cron expression in a time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.tasks.exceptions import InvalidTask

type When = Every | Cron

INTERVAL = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<unit>[smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Every:
    """Each full interval since 1970 began in UTC: the same moments on every node and after every start."""

    interval: str

    def __post_init__(self) -> None:
        if not INTERVAL.fullmatch(str(self.interval)):
            raise InvalidTask(f'every({self.interval!r}): give a number and one of s, m, h, d, such as "10m".')

    def __str__(self) -> str:
        return f"every {self.interval}"

    def after(self, now: datetime) -> datetime:
        """The first moment later than `now`, in UTC."""
        seconds = int(self.interval[:-1]) * SECONDS[self.interval[-1]]
        return datetime.fromtimestamp((int(now.timestamp()) // seconds + 1) * seconds, UTC)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, by the clock of a time zone."""

    expression: str
    time_zone: str

    def __post_init__(self) -> None:
        if len(self.expression.split()) != 5:  # with a sixth, for seconds, cronsim heeds no daylight saving time
            raise InvalidTask(f"cron({self.expression!r}): give five fields: minute, hour, day, month, weekday.")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise InvalidTask(f"cron({self.expression!r}): there is no time zone {self.time_zone!r}.") from error
        try:
            self.after(datetime.now(UTC))
        except CronSimError as error:
            raise InvalidTask(f"cron({self.expression!r}): {error}.") from error
        except StopIteration:
            raise InvalidTask(f"cron({self.expression!r}): that never comes.") from None

    def __str__(self) -> str:
        return f"{self.expression} {self.time_zone}"

    def after(self, now: datetime) -> datetime:
        """The first moment later than `now`, in UTC.

        In an hour that the clock shows twice cronsim goes on from the first of the two, so what it finds may be over.
        """
        moments = CronSim(self.expression, now.astimezone(ZoneInfo(self.time_zone)))
        return next(moment for each in moments if (moment := each.astimezone(UTC)) > now.astimezone(UTC))


def parse(text: str) -> When:
    """What str() made of it."""
    if text.startswith("every "):
        return Every(text.removeprefix("every "))
    expression, _, time_zone = text.rpartition(" ")
    return Cron(expression, time_zone)
