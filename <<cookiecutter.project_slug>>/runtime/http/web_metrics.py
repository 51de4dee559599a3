"""What the bridge counts of the requests, for /metrics."""

from bisect import bisect_left

from runtime.shared.board import BUCKETS


class WebMetrics:
    """Requests by status, and how long they took from their head until Granian has the answer."""

    def __init__(self) -> None:
        self.by_status: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def count(self, status: int, seconds: float) -> None:
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds
