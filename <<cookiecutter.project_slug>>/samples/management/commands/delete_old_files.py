from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from samples.files import delete_older_than


class Command(BaseCommand):
    help = "Delete uploads and results that are older than a number of days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=float, default=30)

    def handle(self, *, days: float, **options: Any) -> None:
        self.stdout.write(f"{delete_older_than(days):,} uploads and results deleted.")
