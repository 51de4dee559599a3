import os

from django.tasks import task

from tasks import schedule


@schedule.every(os.environ.get("TICK_EVERY", "1s"), name="tick")
@task
def tick() -> None: ...


@schedule.cron("0 0 29 2 *", name="rare")
@task
def rare() -> str:
    return "on a leap day, or when asked for"
