"""The page's latency alone, and beside requests that wait for a preview (needs wrk).

    python -m benchmarks.previews [MEGAPIXELS [SECONDS_BETWEEN_TWO]]

p50, p99 and requests a second of `wrk -t1 -c4` on a view without a query, in turns alone, beside requests that
wait for a task which sleeps, and while a client uploads a JPEG of noise (3 megapixels) and gets its preview.
"""

import io
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Callable

from PIL import Image

from benchmarks.documents import ROUNDS
from benchmarks.server import Server, get, running
from benchmarks.wrk import Load, show, wrk


def picture(width: int, height: int) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((width, height), 20).convert("RGB").save(content, "JPEG", quality=85)
    return content.getvalue()


def preview(server: Server, content: bytes) -> float:
    """Seconds until the preview was there."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    url, kind = f"{server.url}/api/previews/", {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(url, head + content + b"\r\n--x--\r\n", kind)
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200, answer.read()
    return time.perf_counter() - started


def beside(page: str, ask: Callable[[], float], pause: float) -> tuple[Load, list[float]]:
    """What wrk finds while `ask` is called again and again; what that returned."""
    times, stop = [], threading.Event()

    def ask_again() -> None:
        while not stop.wait(pause):
            times.append(ask())

    asking = threading.Thread(target=ask_again)
    asking.start()
    found = wrk(page)
    stop.set()
    asking.join()
    return found, times


def main(megapixels: float = 3, pause: float = 0.2) -> None:
    side = round((megapixels * 1e6) ** 0.5)
    content = picture(side, side)
    with running(DEBUG="1") as server:
        page = f"{server.url}/bench/hello"
        ways: dict[str, Callable[[], float]] = {
            "alone": lambda: 0.0,
            "beside waits of 300 ms": lambda: float(len(get(f"{server.url}/bench/wait/300"))),
            f"beside previews ({len(content) / 1e6:.1f} MB)": lambda: preview(server, content),
        }
        preview(server, content)  # warm
        wrk(page)
        rounds = [{name: beside(page, ask, pause) for name, ask in ways.items()} for _ in range(ROUNDS)]
    for name in ways:
        show(name, [each[name][0] for each in rounds])
    times = [took for each in rounds for took in each[name][1]]
    print(f"{len(times)} previews: p50 {statistics.median(times) * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms")


if __name__ == "__main__":
    main(*(float(word) for word in sys.argv[1:]))
