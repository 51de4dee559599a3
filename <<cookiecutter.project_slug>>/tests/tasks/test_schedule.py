"""What a recurring task may be declared as, and that README.md tells the truth about it."""

import re
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.tasks.exceptions import InvalidTask

from tasks import schedule
from tasks.commands import run_command
from tasks.discovery import load_tasks
from tasks.expressions import Cron, Every
from tasks.models import TaskRecord
from tests.tasks.sample_tasks import calls, note

PATH = note.module_path


@pytest.fixture
def declared(monkeypatch):
    """The declarations of this test."""
    load_tasks()  # the project's own are made now, not in the middle of a test
    monkeypatch.setattr(schedule, "declarations", {})
    return schedule.declarations


def test_the_decorator_gives_the_task_back(declared):
    assert schedule.every("10m")(note) is note
    assert declared[PATH].when == Every("10m")
    assert declared[PATH].task is note


def test_a_cron_expression_is_by_the_clock_of_the_settings_unless_told_otherwise(declared, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    schedule.cron("0  3 * * *")(note)
    schedule.cron("0 3 * * *", time_zone="Asia/Tokyo", name="Tokyo")(note)

    assert declared[PATH].when == Cron("0 3 * * *", "Europe/Berlin")
    assert declared["Tokyo"].when == Cron("0 3 * * *", "Asia/Tokyo")


@pytest.mark.django_db
def test_a_task_recurs_with_its_arguments_and_options(declared, run_one):
    schedule.every("1h")(note.using(queue_name="exports", priority=5), 1, ["two"], three=3)
    (each,) = declared.values()
    each.enqueue()

    assert each.name == f"{PATH} 1 ['two'] three=3"
    assert TaskRecord.objects.get().priority == 5
    run_one("exports")
    assert calls == [((1, ["two"]), {"three": 3})]


def test_one_task_may_recur_in_several_ways(declared):
    schedule.every("1h")(note)
    schedule.every("1h")(note, 1)
    schedule.every("2h", name="once more")(note)

    assert list(declared) == [PATH, f"{PATH} 1", "once more"]


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: schedule.every("10x"), "a number and one of s, m, h, d"),
        (lambda: schedule.cron("0 3 * *"), "five fields"),
        (lambda: schedule.every("10m")(print), "above @task"),
        (lambda: schedule.every("10m")(note, object()), "must be JSON"),
        (lambda: schedule.every("10m")(note, "x" * 200), "too long"),
        (lambda: [schedule.every("10m")(note), schedule.every("1h")(note)], "already"),
    ],
)
def test_what_is_wrong_is_refused_where_it_stands(declared, declare, said):
    with pytest.raises(InvalidTask, match=said):
        declare()


def test_the_project_tidies_its_sessions_each_night():
    load_tasks()

    assert schedule.declarations["tasks.commands.run_command clearsessions"].when == Cron("0 3 * * *", "UTC")


@pytest.mark.django_db
def test_a_command_runs_as_a_task_and_its_output_is_kept(run_one):
    run_command.enqueue("check", "tasks", verbosity=1)
    record = run_one()

    assert (record.status, record.return_value) == ("SUCCESSFUL", "System check identified no issues (0 silenced).\n")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["prune_tasks", "no_such_command"])
def test_a_command_that_fails_is_a_failed_task(run_one, name):
    run_command.enqueue(name, "--days", "-1")
    record = run_one()

    assert (record.status, record.history[0]["type"]) == (
        "FAILED", f"{CommandError.__module__}.{CommandError.__qualname__}"
    )  # fmt: skip


def test_the_examples_of_the_readme_work(declared):
    text = (Path(__file__).parents[2] / "README.md").read_text()
    section = text.partition("## On a schedule")[2].partition("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    for number, example in enumerate(examples):
        exec(compile(example, f"README.md {number}", "exec"), {"__name__": "shop.tasks"})

    assert {name: str(each.when) for name, each in declared.items()} == {
        "shop.tasks.refresh_prices": "every 10m",
        "shop.tasks.remind_customers": "0 9 * * mon-fri Europe/Berlin",
        "tasks.commands.run_command prune_tasks --days 3": "30 4 * * sun UTC",
    }
