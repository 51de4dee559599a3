"""Each page of docs/tasks/ shows an example, and the example is what a test of the generated project runs."""

import re

import pytest

from tests.conftest import ROOT, TEMPLATE

PAGES = sorted((ROOT / "docs" / "tasks").glob("*.md"))
LONGEST = 60  # lines: one screen


def test_there_are_pages():
    assert PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_is_the_tested_one(page):
    text = page.read_text()
    test = (TEMPLATE / "tests" / "examples" / f"test_{page.stem}.py").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    assert examples
    assert [example for example in examples if example not in test] == []
    assert len(text.splitlines()) <= LONGEST
