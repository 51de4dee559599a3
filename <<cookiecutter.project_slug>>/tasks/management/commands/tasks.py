import uuid
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q, QuerySet

from runtime.shared.terminal import table
from tasks import control, queues
from tasks.models import TaskRecord
from tasks.staff.lists import ORDER, STATES
from tasks.table import counting

SHOWN = 20  # tasks, where --limit does not say


class Command(BaseCommand):
    help = (
        "Show the queues. Or pause and resume them; list tasks, run failed ones again, cancel those that wait or run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.set_defaults(act=self.show_queues)
        verbs = parser.add_subparsers(title="instead")

        def verb(name: str, act: Callable[..., None], text: str) -> ArgumentParser:
            added = verbs.add_parser(name, help=text)
            added.set_defaults(act=act)
            return added

        for name, act, done, was, text in (
            ("pause", queues.pause, "paused", "was paused already", "let no task of a queue begin until it is resumed"),
            ("resume", queues.resume, "resumed", "was not paused", "let the tasks of a queue begin again"),
        ):
            each = verb(name, partial(self._each_queue, act, done, was), text)
            each.add_argument("names", nargs="+", metavar="QUEUE")
        shown = verb("list", self.show_tasks, "show tasks, the newest first")
        retry = verb("retry", self.retry, "put failed tasks back into their queue")
        cancel = verb("cancel", self.cancel, "end tasks that wait, ask those that run to end")
        for each in (shown, retry, cancel):
            _add_filters(each)
        shown.add_argument("--limit", type=int, default=SHOWN, help=f"how many at most ({SHOWN})")
        for each in (retry, cancel):
            each.add_argument("--all", action="store_true", help="without a filter")

    def handle(self, *, act: Callable[..., None], **options: Any) -> None:
        act(**options)

    def show_queues(self, **options: Any) -> None:
        ready, running, paused = counting.ready(), counting.running(), queues.paused()
        rows = []
        for name in dict.fromkeys([*queues.names(), *ready, *running, *paused]):
            number, oldest = ready.get(name, (0, 0))
            state = "paused" if name in paused else "open"
            rows.append([name, state, f"{number:,}", f"{running.get(name, 0):,}", f"{oldest / 1000:,.1f} s"])
        self.stdout.write(table(("queue", "state", ">ready", ">running", ">oldest"), rows, self.stdout))

    def _each_queue(self, act: Callable[[str], bool], done: str, was: str, names: list[str], **options: Any) -> None:
        for name in names:
            try:
                self.stdout.write(f"{name}: {done if act(name) else was}.")
            except ValueError as error:
                raise CommandError(str(error)) from error

    def show_tasks(self, limit: int, **options: Any) -> None:
        rows = []
        for record in _chosen(**options)[:limit]:
            state = "WAITING" if record.status == "READY" and record.waits_until else record.status
            error = record.history[-1]["type"] if record.history and record.status != "SUCCESSFUL" else ""
            enqueued = record.enqueued_at.isoformat(" ", "seconds")
            rows.append([str(record.pk), enqueued, state, record.queue, record.task, error])
        shown = table(("id", "enqueued", "state", "queue", "task", "error"), rows, self.stdout)
        lines = shown if self.stdout.isatty() else shown.partition("\n")[2]  # other programs want no head
        if lines:
            self.stdout.write(lines)

    def retry(self, **options: Any) -> None:
        self._each_task(control.retry, ("failed",), "put back into the queue", **options)

    def cancel(self, **options: Any) -> None:
        self._each_task(control.cancel, ("ready", "waiting", "running"), "cancelled", **options)

    def _each_task(
        self, act: Callable[[TaskRecord], bool], states: tuple[str, ...], done: str, all: bool, **options: Any
    ) -> None:
        if not all and not any(options[name] for name in ("ids", "queue", "task", "state")):
            raise CommandError("Which tasks? Give their ids, --queue, --task, --state, or --all.")
        wanted = [options["state"]] if options["state"] else states
        chosen = [record for state in wanted for record in _chosen(**options | {"state": state})]
        number = sum(act(record) for record in chosen)
        self.stdout.write(f"{number:,} of {len(chosen):,} {done}.")


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", type=uuid.UUID, metavar="ID")
    parser.add_argument("--queue")
    parser.add_argument("--task", help="its path: samples.tasks.exports.export_orders")
    parser.add_argument("--state", choices=STATES)


def _chosen(
    ids: list[uuid.UUID], queue: str | None, task: str | None, state: str | None, **options: Any
) -> QuerySet[TaskRecord]:
    found = TaskRecord.objects.filter(STATES.get(state or "", Q())).order_by(*ORDER.get(state or "", ("-id",)))
    return found.filter(**{name: value for name, value in (("pk__in", ids), ("queue", queue), ("task", task)) if value})
