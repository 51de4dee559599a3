"""What recurs for the accounts."""

from tasks import schedule
from tasks.commands import run_command

# Only this: finished tasks are pruned by a thread of its own (tasks/house/pruning.py), which no full queue holds up.
schedule.cron("0 3 * * *")(run_command, "clearsessions")
