"""The pictures of the README: what the tests in a browser look at, cropped and with fewer colours."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "<<cookiecutter.project_slug>>"
PICTURES = {"samples": 220, "ops": 110}  # name → pixels that are cut off on both sides
TESTS = ("test_looks.py::test_the_samples", "test_ops.py::test_how_it_looks")
HEIGHT = 1250  # pixels that are left
COLOURS = 256


def take(folder: str) -> None:
    tests = [f"tests/browser/{test}" for test in TESTS]
    command = [sys.executable, "-m", "pytest", "-q", *tests]
    subprocess.run(command, cwd=TEMPLATE, env=os.environ | {"SCREENSHOTS": folder, "CI": "1"}, check=True)


def reduce(source: Path, target: Path, margin: int) -> None:
    with Image.open(source) as image:
        cropped = image.convert("RGB").crop((margin, 0, image.width - margin, min(image.height, HEIGHT)))
        cropped.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} kB")


def main() -> None:
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        take(folder)
        for name, margin in PICTURES.items():
            for scheme in ("light", "dark"):
                reduce(Path(folder) / f"{name}-desk-{scheme}.png", images / f"{name}-{scheme}.png", margin)


if __name__ == "__main__":
    main()
