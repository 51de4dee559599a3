"""Files for the tests to upload."""

import io
from typing import Any

from PIL import Image, ImageDraw
from reportlab.pdfgen.canvas import Canvas

type File = dict[str, Any]  # as Playwright takes it


def picture(name: str = "harbour.jpg", size: tuple[int, int] = (1200, 900)) -> File:
    """An evening at the sea."""
    image = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", [image.point(lambda v, f=factor: 40 + v * f) for factor in (0.75, 0.45, 0.35)])
    draw, (width, height) = ImageDraw.Draw(image), size
    draw.ellipse((width * 0.58, height * 0.4, width * 0.8, height * 0.4 + width * 0.22), fill=(255, 226, 160))
    draw.rectangle((0, height * 0.68, width, height), fill=(24, 62, 84))
    draw.polygon([(width * x, height * y) for x, y in ((0.2, 0.7), (0.34, 0.25), (0.36, 0.7))], fill=(250, 246, 238))
    hull = ((0.16, 0.72), (0.42, 0.72), (0.37, 0.8), (0.2, 0.8))
    draw.polygon([(width * x, height * y) for x, y in hull], fill=(120, 50, 40))
    return _file(name, "image/jpeg", lambda file: image.save(file, "JPEG"))


def damaged_picture(name: str = "half.png") -> File:
    return {"name": name, "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(100)}


def document(name: str = "report.pdf", pages: int = 3, lines: int = 1) -> File:
    def write(file: io.BytesIO) -> None:
        canvas = Canvas(file)
        canvas.setTitle("Yearly report")
        canvas.setAuthor("Ada")
        for number in range(1, pages + 1):
            for line in range(lines):
                canvas.drawString(72, 780 - 18 * line, f"This is page {number}.")
            canvas.showPage()
        canvas.save()

    return _file(name, "application/pdf", write)


def _file(name: str, kind: str, write: Any) -> File:
    content = io.BytesIO()
    write(content)
    return {"name": name, "mimeType": kind, "buffer": content.getvalue()}
