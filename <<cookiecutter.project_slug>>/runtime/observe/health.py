"""/healthz, /readyz and /metrics, answered by the main interpreter: also while every web thread is busy."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from runtime.http.responses import send_text
from runtime.observe.metrics import CONTENT_TYPE, Metrics
from runtime.observe.storage import Storage
from runtime.shared import descriptors
from runtime.shared.board import Board

COUNTING_TIME = 0.25  # seconds that /metrics waits for fresh counts of the queues before it shows the last ones


class Health:
    def __init__(self, board: Board, housekeeper: int, storage: Storage) -> None:
        self.metrics, self.housekeeper, self.storage = Metrics(board), housekeeper, storage
        self.unready: Callable[[], list[str]] = lambda: ["the server is starting"]
        self.counted = asyncio.Event()
        self.answers: dict[str, Callable[[Any], Awaitable[None]]] = {
            "/healthz": self.healthz,
            "/up": self.healthz,
            "/readyz": self.readyz,
            "/metrics": self.write_metrics,
        }

    async def healthz(self, proto: Any) -> None:
        send_text(proto, 200, "ok\n")

    async def readyz(self, proto: Any) -> None:
        reasons = self.unready() or await self.storage.problems()
        send_text(proto, 503 if reasons else 200, "".join(f"{reason}\n" for reason in reasons) or "ok\n")

    async def have_counted(self) -> None:
        """Have the housekeeper count the queues; go on after COUNTING_TIME all the same."""
        self.counted.clear()
        descriptors.signal(self.housekeeper)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.counted.wait(), COUNTING_TIME)

    async def write_metrics(self, proto: Any) -> None:
        await self.have_counted()
        send_text(proto, 200, self.metrics.text(), CONTENT_TYPE)
