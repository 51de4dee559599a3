"""What `main.py` answers instead of serving: --check, status, stack."""

from argparse import Namespace

from runtime.observe.inquiry import show_stack
from runtime.questions.check import check
from runtime.questions.status import show_status
from runtime.shared.plan import Plan


def is_question(arguments: Namespace) -> bool:
    return bool(arguments.check or arguments.command)


def answer(plan: Plan, arguments: Namespace) -> int | str:
    """The exit code, or the error to show."""
    if arguments.check:
        return check(plan)
    if arguments.command == "status":
        return show_status(plan)
    return show_stack(plan, arguments.task, arguments.seconds)
