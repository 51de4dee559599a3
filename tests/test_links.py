"""Links between the pages of the repository lead somewhere, and every page of a feature is linked."""

import re

import pytest

from tests.conftest import ROOT, tracked_files

PAGES = [path for path in tracked_files() if path.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    local = [target for target in targets if "://" not in target]

    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_readme_links_every_page_of_a_feature():
    readme = (ROOT / "README.md").read_text()

    assert [
        path.name for path in (ROOT / "docs" / "tasks").glob("*.md") if f"docs/tasks/{path.name}" not in readme
    ] == []
