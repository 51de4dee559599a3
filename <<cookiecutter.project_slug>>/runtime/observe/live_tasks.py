"""The topic `tasks` of live.py: how far tasks are, from the board, and which of them a page is to look at again.

An event is JSON: {"running": {id: [done, total]}, "changed": [id, …]}. Where a task is running, and how far, is on the
board. What its row says besides, its end above all, the page asks a web interpreter for: once for each id in `changed`.
"""

import json
import time
from collections.abc import Iterable
from uuid import UUID

from runtime.http.live import Feed
from runtime.shared.board import Board, Cell, halves

ASK_OTHERS_EVERY = 5.0  # seconds between two looks at what waits here, where another node may run it
ASK_EVERY = 60.0  # the net below: a task may end outside of the server (manage.py)

type Progress = tuple[int, int]


class LiveTasks:
    """Feeds for pages; their subject is the ids of tasks, with commas between."""

    def __init__(self, board: Board, *, has_peers: bool) -> None:
        self.board, self.watched = board, board.watched
        self.ask_every = ASK_OTHERS_EVERY if has_peers else ASK_EVERY
        self.running: dict[int, Progress] = {}
        self.ended: set[int] = set()

    def look(self) -> None:
        cells = (Cell.TASK_LOW, Cell.BUSY_SINCE, Cell.PROGRESS_DONE, Cell.PROGRESS_TOTAL)
        rows = zip(*(self.board.column(cell) for cell in cells), strict=True)
        self.running = {task: (done, total) for task, busy, done, total in rows if task and busy}
        self.ended = self.watched.ended()

    def feed(self, subject: str) -> Feed:
        ids = {halves(UUID(text).int)[1]: text for text in subject.split(",")}
        watched = {number for number in ids if self.watched.take(number)}
        try:
            yield _event({}, ids.values())  # what has ended before this is not noticed
            yield from self._changes(ids)
        finally:
            for number in watched:
                self.watched.release(number)

    def _changes(self, ids: dict[int, str]) -> Feed:
        running: dict[int, Progress] = {}
        asked = time.monotonic()
        while True:
            before, running = running, {number: self.running[number] for number in ids.keys() & self.running.keys()}
            changed = ids.keys() & self.ended
            changed |= before.keys() - running.keys()  # it has stopped for a retry, or with its interpreter
            if time.monotonic() - asked > self.ask_every:
                changed |= ids.keys() - running.keys()
                asked = time.monotonic()
            news = {number: progress for number, progress in running.items() if before.get(number) != progress}
            yield _event({ids[number]: progress for number, progress in news.items()}, (ids[n] for n in changed))


def _event(running: dict[str, Progress], changed: Iterable[str]) -> bytes:
    found = {"running": running, "changed": list(changed)}
    return f"data: {json.dumps(found)}\n\n".encode() if any(found.values()) else b""
