"""A bound on long responses: whatever streams there are, one web thread remains for everybody else."""

import time
from collections.abc import Iterable
from typing import Any

from runtime import frames
from runtime.delivery import Response, answer
from runtime.link import Link
from runtime.log import event

LONG = 30.0  # seconds after which a response in parts is a long one; server-sent events are at once
RETRY_AFTER = 5  # seconds


def begin(response: Response, head: tuple[Any, ...], links: Iterable[Link]) -> None:
    """The head of a response in parts has come: pass it on, or refuse it where it is one stream too many."""
    response.began = now = time.monotonic()
    if _is_events(head[2]):
        links = list(links)
        if len(_long(links, now)) >= _most(links):
            response.leave()
            return answer(response, 503, "Too many streams are open.", RETRY_AFTER)
        response.began -= LONG
    response.head.set_result(head)


def cut_surplus(links: Iterable[Link], now: float) -> None:
    """Cut the youngest of the long responses, if they have come to be too many."""
    links = list(links)
    for link in _long(links, now)[_most(links) :]:
        assert link.response is not None
        link.response.leave(is_broken=True)
        event("stream_cut", seconds=round(now - link.response.began, 3), streams=_most(links))


def _is_events(headers: frames.Headers) -> bool:
    return any(name.lower() == "content-type" and value.startswith("text/event-stream") for name, value in headers)


def _long(links: Iterable[Link], now: float) -> list[Link]:
    """Those whose thread makes a long response, the oldest first."""
    found = [
        (response.began, number, link)
        for number, link in enumerate(links)
        if (response := link.response) is not None and response.began and not response.is_over
        and now - response.began >= LONG
    ]  # fmt: skip
    return [link for *_, link in sorted(found)]


def _most(links: list[Link]) -> int:
    return max(1, sum(not link.leaving for link in links) - 1)
