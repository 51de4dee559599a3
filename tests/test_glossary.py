"""The words of the glossary in docs/how-it-works.md are the code's."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
TEMPLATE = REPOSITORY / "<<cookiecutter.project_slug>>"


def words() -> list[str]:
    glossary = (REPOSITORY / "docs/how-it-works.md").read_text().partition("## Glossary")[2]
    rows = [line.split("|")[1] for line in glossary.splitlines() if line.startswith("| ")][2:]
    return [word.strip() for row in rows for word in row.split(",")]


def names() -> Iterator[str]:
    """What modules, classes, functions, their arguments, fields and constants are called."""
    for package in ("runtime", "tasks"):
        for path in (TEMPLATE / package).rglob("*.py"):
            yield path.stem
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield node.name
                elif isinstance(node, ast.arg):
                    yield node.arg
                elif isinstance(node, ast.Attribute):
                    yield node.attr
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


@pytest.fixture(scope="module")
def parts() -> set[str]:
    """All names in parts: "waiting room" of WaitingRoom and waiting_room."""
    spaced = (re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).lower() for name in names() if not name.startswith("_"))
    return {" ".join(found) for name in spaced for found in _runs(name.split())}


def _runs(parts: list[str]) -> Iterator[list[str]]:
    return (parts[start:end] for start in range(len(parts)) for end in range(start + 1, len(parts) + 1))


def test_there_is_a_glossary() -> None:
    assert len(words()) > 40


@pytest.mark.parametrize("word", words())
def test_a_word_of_the_glossary_is_a_name_in_the_code(word: str, parts: set[str]) -> None:
    assert {word, f"{word}s", f"{word}d", f"{word}ing"} & parts
