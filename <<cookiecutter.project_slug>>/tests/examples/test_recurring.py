"""The example of docs/tasks/recurring.md."""

from datetime import UTC, datetime

import pytest
from django.tasks import task

from tasks import schedule
from tasks.commands import run_command
from tasks.discovery import load_tasks
from tasks.house import ticks
from tasks.models import Schedule, TaskRecord

pytestmark = pytest.mark.django_db

load_tasks()  # the project's own are declared before, and put back below
projects_own = dict(schedule.declarations)
schedule.declarations.clear()


class Rate:
    @staticmethod
    def fetch() -> None: ...


class Report:
    @staticmethod
    def send(kind: str) -> None: ...


@schedule.every("10m")
@task
def refresh_rates() -> None:
    Rate.fetch()


@schedule.cron("0 7 * * 1-5", time_zone="Europe/Berlin", name="morning report")
@task(queue_name="exports", max_attempts=3)
def send_report(kind: str = "short") -> None:
    Report.send(kind)


schedule.cron("0 9 1 * *", name="monthly report")(send_report, "long")
schedule.cron("0 3 * * *")(run_command, "clearsessions")

of_this_page = dict(schedule.declarations)
schedule.declarations.clear()
schedule.declarations.update(projects_own)


@pytest.fixture
def declared(monkeypatch):
    monkeypatch.setattr(schedule, "declarations", of_this_page)


def test_each_is_enqueued_at_its_time_with_its_arguments(declared):
    friday = datetime(2026, 11, 20, 12, 5, tzinfo=UTC)
    ticks.synchronise(friday)
    next_runs = {row.name: row.next_run for row in Schedule.objects.all()}
    assert next_runs == {
        refresh_rates.module_path: datetime(2026, 11, 20, 12, 10, tzinfo=UTC),
        "morning report": datetime(2026, 11, 23, 6, 0, tzinfo=UTC),  # seven o'clock in Berlin
        "monthly report": datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
        "tasks.commands.run_command clearsessions": datetime(2026, 11, 21, 3, 0, tzinfo=UTC),
    }
    for row in Schedule.objects.all():
        ticks.take(row, next_runs[row.name])
        ticks.take(row, next_runs[row.name])  # as another node does

    enqueued = sorted((each.task, each.arguments["args"]) for each in TaskRecord.objects.all())
    assert enqueued == sorted([
        (refresh_rates.module_path, []), (send_report.module_path, []), (send_report.module_path, ["long"]),
        (run_command.module_path, ["clearsessions"]),
    ])  # fmt: skip
