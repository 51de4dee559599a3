"""What main looks for all the time, because nobody tells it: what takes too long, and what has had its time."""

import asyncio
import time
from typing import TYPE_CHECKING

from runtime.supervise.overrun import LOOK_EVERY

if TYPE_CHECKING:
    from runtime.supervise.supervisor import Supervisor


class Heartbeat:
    """Four times a second, on main's event loop."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.next_beat: asyncio.TimerHandle | None = None

    @property
    def is_started(self) -> bool:
        return self.next_beat is not None

    def start(self) -> None:
        self._beat()

    def stop(self) -> None:
        if self.next_beat is not None:
            self.next_beat.cancel()
            self.next_beat = None

    def _beat(self) -> None:
        self.next_beat = self.supervisor.loop.call_later(LOOK_EVERY, self._beat)  # first: whatever fails below
        supervisor = self.supervisor
        supervisor.overview.history.look()
        supervisor.stacks.show_late_requests(supervisor.bridge.expire(time.monotonic()))
        supervisor.unfound.look(supervisor.cancel_running)
        supervisor.abandonment.look()
        if not supervisor.stopping:
            supervisor.renewal.recycle()
