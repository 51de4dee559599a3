from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from samples.demo_orders import seed_orders
from samples.models import Order


class Command(BaseCommand):
    help = "Fill the order table with demo orders until it has N rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rows", type=int, metavar="N")

    def handle(self, *, rows: int, **options: Any) -> None:
        if rows < 1:
            raise CommandError(f"{rows} rows: N is a whole number from 1 on.")
        made = seed_orders(rows)
        self.stdout.write(f"{made:,} orders added, {Order.objects.count():,} in the table.")
