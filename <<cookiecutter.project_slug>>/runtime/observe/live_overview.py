"""The topics `ops` and `profile` of live.py: for the operations page."""

import asyncio
import json
import time

from runtime.http.live import Feed
from runtime.observe.overview import Overview
from runtime.observe.stacks import Stacks

EVERY = 1.0  # seconds
PROFILED = 5.0  # seconds


class LiveOverview:
    """The server at a glance, once a second: made once, however many pages are open."""

    def __init__(self, overview: Overview) -> None:
        self.overview = overview
        self.event, self.next_time = b"", 0.0

    def look(self) -> None:
        if (now := time.monotonic()) >= self.next_time:
            self.next_time = now + EVERY
            self.event = _event(self.overview.live())

    def feed(self, subject: str) -> Feed:
        seen = b""
        while True:
            news, seen = b"" if self.event is seen else self.event, self.event
            yield news


class LiveProfile:
    """One event: the profile of some seconds of a task, whose id is the subject; "" where it does not run here."""

    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks

    def look(self) -> None:
        pass

    def feed(self, subject: str) -> Feed:
        profile = asyncio.get_running_loop().create_task(self.stacks.profile(subject, PROFILED))
        try:
            while not profile.done():
                yield b""
            yield _event(profile.result())
            while True:
                yield b""
        finally:
            profile.cancel()


def _event(content: object) -> bytes:
    return f"data: {json.dumps(content, separators=(',', ':'))}\n\n".encode()
