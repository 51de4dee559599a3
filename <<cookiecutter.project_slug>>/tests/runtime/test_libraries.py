"""Which distributions the project depends on, and where they load."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import PurePath

import pytest

from runtime.questions import libraries
from runtime.questions.libraries import Libraries, Library, place


def test_the_projects_own_dependencies_are_found_with_their_modules():
    found = Libraries()
    pillow = found.get("pillow")

    assert {"django", "pillow", "psycopg", "uvloop", "whitenoise"} <= found.direct()
    assert "pytest" not in found.direct()
    assert pillow.modules == ("PIL",)
    assert "PIL._imaging" in pillow.extensions
    assert found.of(["PIL", "django", "json", "samples"]) == {"pillow", "django"}


def test_without_pyproject_only_what_is_imported_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(libraries, "PROJECT", tmp_path)

    assert Libraries().direct() == set()


@pytest.mark.parametrize(
    ("file", "module"),
    [
        (f"PIL/_imaging{EXTENSION_SUFFIXES[0]}", "PIL._imaging"),
        ("Crypto/Cipher/_raw_aes.abi3.so", "Crypto.Cipher._raw_aes"),
        ("_brotli.so", "_brotli"),
        ("pillow.libs/libjpeg-0a1b2c.so.62.4.0", ""),
        ("some.libs/libz.so", ""),
        ("django/conf/__init__.py", ""),
    ],
)
def test_extension_modules_are_known_by_their_file(file, module):
    assert libraries._extension(PurePath(file)) == module


def test_a_library_that_loads_nowhere_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = place(Library(name="broken", version="1", modules=("broken",), extensions=()))

    assert found.kind == ""
    assert found.error.startswith("ZeroDivisionError: division by zero")


def test_a_library_that_crashes_an_isolated_interpreter_is_tried_in_the_others(tmp_path, monkeypatch):
    text = "import os, _interpreters\nif _interpreters.get_current()[0] != 0: os.kill(os.getpid(), 6)\n"
    (tmp_path / "fragile.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = place(Library(name="fragile", version="1", modules=("fragile",), extensions=()))

    assert (found.kind, found.error) == ("main", "")
