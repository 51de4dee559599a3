"""The page's latency alone, and beside requests that wait for a preview: `python -m benchmarks.previews` (needs wrk).

p50, p99 and requests a second of `wrk -t1 -c4` on a view without a query; beside it one client after the other uploads
a JPEG of 12 megapixels and gets its preview.
"""

import io
import statistics
import sys
import threading
import time
import urllib.request

from PIL import Image

from benchmarks.documents import ROUNDS, show, wrk
from benchmarks.server import Server, running


def picture(width: int, height: int) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((width, height), 80).convert("RGB").save(content, "JPEG", quality=85)
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


def main(pause: float = 0.2) -> None:
    content, times, stop = picture(4000, 3000), [], threading.Event()
    with running(DEBUG="1") as server:
        page = f"{server.url}/bench/hello"

        def ask() -> None:
            while not stop.wait(pause):
                times.append(preview(server, content))

        preview(server, content)  # warm
        wrk(page)
        show("alone", [wrk(page) for _ in range(ROUNDS)])
        asking = threading.Thread(target=ask)
        asking.start()
        show("beside previews", [wrk(page) for _ in range(ROUNDS)])
        stop.set()
        asking.join()
    print(f"{len(times)} previews: p50 {statistics.median(times) * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms")


if __name__ == "__main__":
    main(*(float(word) for word in sys.argv[1:]))
