"""What can be done on the page. Each says in a sentence what came of it."""

from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest

from ops import server
from ops.access import action
from tasks import control, queues
from tasks.models import TaskRecord

MOST = 1000  # tasks at once

VERBS: dict[str, tuple[Callable[[TaskRecord], bool], str]] = {
    "retry": (control.retry, "put back into the queue"),
    "cancel": (control.cancel, "cancelled"),
}


@action
def tasks(request: HttpRequest) -> str:
    """Retry or cancel the tasks whose ids are given: task=ID … verb=retry, or retry=ID from the button of one."""
    verb = next((verb for verb in VERBS if verb in request.POST), request.POST.get("verb", ""))
    act, done = _known(VERBS, verb)
    try:
        chosen = [UUID(text) for text in request.POST.getlist(verb if verb in request.POST else "task")[:MOST]]
    except ValueError as error:
        raise BadRequest("That is no id of a task.") from error
    number = sum(act(record) for record in TaskRecord.objects.filter(pk__in=chosen))
    return f"{number:,} of {len(chosen):,} {done}." if chosen else "No task is selected."


@action
def queue(request: HttpRequest, name: str, verb: str) -> str:
    """Pause or resume one."""
    act, done = _known({"pause": (queues.pause, "paused"), "resume": (queues.resume, "resumed")}, verb)
    try:
        return f"The queue {name} is {done}." if act(name) else f"The queue {name} was {done} already."
    except ValueError as error:
        raise Http404(str(error)) from error


@action
def recycle(request: HttpRequest, name: str) -> str:
    """Replace an interpreter by a fresh one."""
    if server.recycle(name):
        return f"{name} is replaced: its successor starts, then it finishes what it has and goes."
    return f"{name} is about to leave, or is not there."


def _known[T](verbs: dict[str, T], verb: str) -> T:
    if verb not in verbs:
        raise Http404(f"One can {' or '.join(verbs)}.")
    return verbs[verb]
