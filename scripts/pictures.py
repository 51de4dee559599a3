"""The pictures of the README: what the tests in a browser look at, cropped and with fewer colours."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "<<cookiecutter.project_slug>>"
PICTURES = {"samples": "samples-desk-{}.png", "ops": "ops-desk-{}.png"}  # name below docs/images → picture of a test
TESTS = ("test_looks.py::test_the_samples", "test_ops.py::test_how_it_looks")
MARGIN, HEIGHT = 220, 1250  # pixels: cut off on both sides, and left of the rest


def take(folder: str) -> None:
    tests = [f"tests/browser/{test}" for test in TESTS]
    command = [sys.executable, "-m", "pytest", "-q", *tests]
    subprocess.run(command, cwd=TEMPLATE, env=os.environ | {"SCREENSHOTS": folder, "CI": "1"}, check=True)


def reduce(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        cropped = image.convert("RGB").crop((MARGIN, 0, image.width - MARGIN, min(image.height, HEIGHT)))
        cropped.quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} kB")


def main() -> None:
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        take(folder)
        for name, picture in PICTURES.items():
            for scheme in ("light", "dark"):
                reduce(Path(folder) / picture.format(scheme), images / f"{name}-{scheme}.png")


if __name__ == "__main__":
    main()
