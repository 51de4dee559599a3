"""The page's latency alone, and while ten PDFs of 200 pages are parsed: `python -m benchmarks.documents` (needs wrk).

Prints p50, p99 and requests a second of `wrk -t1 -c4` on `/`, three times each, and how long start and first page took.
"""

import io
import json
import time
import urllib.request

from reportlab.pdfgen.canvas import Canvas

from benchmarks.server import Server, get, running
from benchmarks.wrk import show, wrk

ROUNDS, DOCUMENTS, PAGES = 3, 10, 200


def pdf(pages: int = PAGES) -> bytes:
    content = io.BytesIO()
    canvas = Canvas(content)
    for page in range(pages):
        for line in range(40):
            canvas.drawString(
                50, 800 - line * 18, f"Page {page}, line {line}: the quick brown fox jumps over the lazy dog."
            )
        canvas.showPage()
    canvas.save()
    return content.getvalue()


def upload(server: Server, content: bytes) -> str:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    request = urllib.request.Request(
        f"{server.url}/api/documents/",
        head + content + b"\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.loads(answer.read())["url"])


def main() -> None:
    content = pdf()
    with running(DEBUG="1") as server:
        wrk(server.url + "/")  # warm
        show("/ alone", [wrk(server.url + "/") for _ in range(ROUNDS)])
        rounds = []
        for _ in range(ROUNDS):
            tasks = [upload(server, content) for _ in range(DOCUMENTS)]
            rounds.append(wrk(server.url + "/"))
            while any(json.loads(get(server.url + task))["status"] != "SUCCESSFUL" for task in tasks):
                time.sleep(0.1)
        show(f"/ beside {DOCUMENTS} × {PAGES} pages", rounds)


if __name__ == "__main__":
    main()
