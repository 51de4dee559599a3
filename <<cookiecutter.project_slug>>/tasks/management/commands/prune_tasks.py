import time
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tasks.house.pruning import PAUSE, prune
from tasks.house.retention import MOST_DAYS, retention
from tasks.signals import tidy_up


class Command(BaseCommand):
    help = "Delete finished tasks, and what belongs to them. Without options: as the running server does, by TASKS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=_days, help="those that ended more than so many days ago, failed ones too")
        parser.add_argument("--keep", type=_number, help="all but the newest so many, and as many failed ones")

    def handle(self, *, days: float | None, keep: int | None, **options: Any) -> None:
        limits = retention(settings.TASKS)
        if days is not None:
            limits = replace(limits, keep_days=days, keep_failed_days=days)
        if keep is not None:
            limits = replace(limits, keep_tasks=keep)
        deleted = 0
        for number in prune(limits):
            deleted += number
            time.sleep(PAUSE)
        tidy_up.send(Command)
        self.stdout.write(f"{deleted:,} tasks deleted.")


def _days(text: str) -> float:
    days = float(text)
    if not 0 <= days <= MOST_DAYS:
        raise ArgumentTypeError(f"{text}: a number of days from 0 to {MOST_DAYS}")
    return days


def _number(text: str) -> int:
    if (number := int(text)) < 0:
        raise ArgumentTypeError(f"{text}: a whole number, 0 or more")
    return number
