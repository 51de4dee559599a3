"""Memory that is free between things in use goes back to the kernel."""

import subprocess
import sys

from tests.server import PROJECT

MEASURE = """
from runtime.shared import heap
from runtime.memory_limit.ledger import Use
pieces = [bytes(4000) for _ in range(20_000)]  # 80 MB of the heap, and the last one stays where it is
last = pieces.pop()
del pieces
print(Use.now().resident)
heap.trim()
print(Use.now().resident)
"""


def test_it_is_given_back():
    used = subprocess.run(
        [sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True, cwd=PROJECT, timeout=60
    ).stdout.split()

    assert int(used[0]) - int(used[1]) > 50 * 2**20
