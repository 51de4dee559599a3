"""The maps of the project's own packages, in their docstrings, name every module and package."""

import ast
import re

import pytest

from tests.server import PROJECT

MAPS = sorted(
    path.parent
    for package in ("runtime", "tasks")
    for path in (PROJECT / package).rglob("__init__.py")
    if not {"migrations", "management", "crashes"} & set(path.parts)
)


@pytest.mark.parametrize("folder", MAPS, ids=lambda folder: str(folder.relative_to(PROJECT)))
def test_a_map_names_what_is_there(folder):
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    packages = {path.parent.name for path in folder.glob("*/__init__.py")} - {"migrations", "management"}
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}

    assert modules <= set(re.findall(r"(?<!/)\b\w+\.py\b", text))
    assert packages <= set(re.findall(r"\b(\w+)/", text))


@pytest.mark.parametrize("folder", MAPS, ids=lambda folder: str(folder.relative_to(PROJECT)))
def test_a_map_names_nothing_else(folder):
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    everywhere = {path.name for path in PROJECT.rglob("*.py")}

    assert set(re.findall(r"(?<!/)\b\w+\.py\b", text)) <= everywhere
