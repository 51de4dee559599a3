"""The last hour in figures: requests a second, how long they took, how attempts at tasks ended.

Samples of the counters that /metrics shows, kept by main in memory: the charts of the operations page are the
differences between them. They begin anew with each process.
"""

import json
import time
from collections import deque
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from runtime.http.web_metrics import WebMetrics
from runtime.shared.board import BUCKETS, OUTCOMES, Board

EVERY = 10.0  # seconds between two samples
KEPT = 361  # an hour of differences
RATE_OVER = 6  # samples: a queue's rate is that of the last minute


@dataclass(frozen=True, slots=True)
class Sample:
    """What has been counted since the start of the process."""

    at: float
    requests: tuple[int, ...]  # by BUCKETS
    outcomes: dict[str, dict[str, int]]  # by queue


class History:
    def __init__(self, board: Board, web: WebMetrics) -> None:
        self.board, self.web = board, web
        self.samples: deque[Sample] = deque([self.now()], maxlen=KEPT)
        self.taken = 1
        self.due = time.monotonic() + EVERY

    def now(self) -> Sample:
        outcomes = {queue: self.board.outcomes(queue) for queue in self.board.queues}
        return Sample(time.time(), tuple(self.web.buckets), outcomes)

    def look(self) -> None:
        """Take a sample where it is time."""
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + EVERY
            self.samples.append(self.now())
            self.taken += 1

    def rate(self, queue: str) -> float:
        """Tasks of a queue that ended in the last minute, a second."""
        now, before = self.now(), self.samples[max(0, len(self.samples) - RATE_OVER)]
        ended = sum(now.outcomes[queue].values()) - sum(before.outcomes[queue].values())
        return round(ended / max(now.at - before.at, EVERY), 2)

    def as_json(self) -> str:
        """{"taken", "every", "end", "requests", "p50", "p99", …}: a list each, the latest last; "end" is its time.

        Requests are a second, p50 and p99 ms (null where there was no request), outcomes a minute.
        """
        points = [_point(before, after) for before, after in pairwise(self.samples)]
        columns = {name: [point[name] for point in points] for name in ("requests", "p50", "p99", *OUTCOMES)}
        about = {"taken": self.taken, "every": EVERY, "end": self.samples[-1].at}
        return json.dumps(about | columns, separators=(",", ":"))


def _point(before: Sample, after: Sample) -> dict[str, Any]:
    seconds = max(after.at - before.at, 0.001)
    buckets = [new - old for new, old in zip(after.requests, before.requests, strict=True)]
    ended = {name: _ended(after, name) - _ended(before, name) for name in OUTCOMES}
    return {
        "requests": round(sum(buckets) / seconds, 2),
        "p50": quantile(buckets, 0.5),
        "p99": quantile(buckets, 0.99),
        **{name: round(number * 60 / seconds, 1) for name, number in ended.items()},
    }


def _ended(sample: Sample, outcome: str) -> int:
    return sum(outcomes[outcome] for outcomes in sample.outcomes.values())


def quantile(buckets: list[int], share: float) -> float | None:
    """ms below which this share of a histogram lies, as if it were even within a bucket; None where it is empty."""
    wanted = share * sum(buckets)
    if not wanted:
        return None
    bounds = (0.0, *BUCKETS, BUCKETS[-1])
    for number, reached in enumerate(accumulate(buckets)):
        if reached >= wanted:
            inside = (wanted - reached + buckets[number]) / buckets[number]
            return round((bounds[number] + inside * (bounds[number + 1] - bounds[number])) * 1000, 2)
    return None
