"""A bound on long responses: whatever streams there are, one web thread remains for everybody else."""

import time
from typing import Any

from runtime.http.delivery import Response, answer
from runtime.http.link import Link
from runtime.shared import frames
from runtime.shared.log import event

LONG = 30.0  # seconds after which a response in parts is a long one; server-sent events are at once
RETRY_AFTER = 5  # seconds


def begin(response: Response, head: tuple[Any, ...], links: list[Link], stopping: bool = False) -> None:
    """The head of a response in parts has come: pass it on, or refuse it where it is one stream too many."""
    now = time.monotonic()
    if _is_events(head[2]):
        if stopping or len(_long(links, now)) >= _most(links):
            response.leave()
            return answer(response, 503, "Busy", "Too many streams are open.", RETRY_AFTER)
        response.is_events = True
    response.began = now
    response.head.set_result(head)


def cut_surplus(links: list[Link], now: float) -> None:
    """Cut the youngest of the long responses, if they have come to be too many; and events of what is to leave."""
    cut_events([link for link in links if link.leaving])
    _cut(_long(links, now)[_most(links) :])


def cut_events(links: list[Link]) -> None:
    """They have no end by themselves; a browser asks for them again."""
    _cut([link for link in links if link.response is not None and link.response.is_events])


def _cut(links: list[Link]) -> None:
    for link in links:
        if link.response is not None and not link.response.is_over:
            link.response.leave(is_broken=True)
            seconds = round(time.monotonic() - link.response.began, 3)
            event("stream_cut", seconds=seconds, leaving=link.leaving)


def _is_events(headers: frames.Headers) -> bool:
    return any(name.lower() == "content-type" and value.startswith("text/event-stream") for name, value in headers)


def _long(links: list[Link], now: float) -> list[Link]:
    """Those whose thread makes a long response, the oldest first; not of interpreters that leave anyway."""
    found = []
    for number, link in enumerate(links):
        response = link.response
        if link.leaving or response is None or response.is_over or not response.began:
            continue
        if response.is_events or now - response.began >= LONG:
            found.append((response.began, number, link))
    return [link for *_, link in sorted(found)]


def _most(links: list[Link]) -> int:
    return max(1, sum(not link.leaving for link in links) - 1)
