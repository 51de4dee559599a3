"""How a page looks: nothing that axe-core finds, nothing too wide, in light and dark, on a phone and on a desk."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = {"phone": 390, "desk": 1440}
SCHEMES = ("light", "dark")


def look(page: Page, name: str) -> None:
    """Look at a page in every way. `SCREENSHOTS=folder` in the environment keeps the pictures."""
    for size, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = Axe().run(page)
            assert not found.violations_count, f"{name}, {size}, {scheme}: {found.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}, {size}"
            if folder := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=Path(folder).resolve() / f"{name}-{size}-{scheme}.png", full_page=True)
