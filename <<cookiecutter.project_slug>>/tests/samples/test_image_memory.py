"""A large photograph is resized within 120 MB, the whole process counted; the web does not load the libraries."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

MEGABYTE = 10**6

RESIZE = """
import sys
import django
django.setup()
from django.conf import settings
settings.MEDIA_ROOT = sys.argv[1]
from samples.tasks import resize_image
print(resize_image.call(sys.argv[2])["variants"][0]["width"])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""

IMPORT_THE_WEB = """
import sys
import django
django.setup()
import samples.urls, accounts.urls
print(sorted({name.partition(".")[0] for name in sys.modules} & {"PIL", "pypdf"}))
"""


def run(script: str, *arguments: str) -> list[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()


def test_a_photograph_of_27_megapixels_and_25_megabytes(
    media: Path, upload: Callable[[bytes], str], tmp_path: Path
) -> None:
    noise = [Image.effect_noise((6000, 4500), sigma) for sigma in (40, 50, 60)]
    photograph = tmp_path / "photograph.jpg"
    Image.merge("RGB", noise).save(photograph, quality=95)
    assert photograph.stat().st_size > 25 * MEGABYTE

    width, peak = run(RESIZE, str(media), upload(photograph.read_bytes()))[:2]

    assert width == "1600"
    assert int(peak.split()[1]) * 1024 < 120 * MEGABYTE, peak


def test_the_web_loads_neither_pillow_nor_pypdf() -> None:
    assert run(IMPORT_THE_WEB) == ["[]"]
