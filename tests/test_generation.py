"""What `cookiecutter` makes of the template, for every combination of answers."""

import fnmatch
import itertools
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException

from tests.conftest import ROOT, TEMPLATE

CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text())
COMBINATIONS = list(itertools.product(CONTEXT["database"], CONTEXT["python"]))
DELIMITERS = ("<<", ">>", "<%", "%>", "<#", "#>")
NAME = "Single-server Django"  # in the pages, for the project's own
PROMPTS = [name for name in CONTEXT if not name.startswith("_")]


def files(project: Path) -> list[Path]:
    return [path for path in project.rglob("*") if path.is_file()]


def is_copied(path: Path) -> bool:
    return any(fnmatch.fnmatch(str(path), pattern) for pattern in CONTEXT["_copy_without_render"])


def test_there_are_at_most_five_prompts_and_each_has_a_help_text():
    assert len(PROMPTS) <= 5
    assert set(CONTEXT["__prompts__"]) == set(PROMPTS)


@pytest.mark.parametrize(("database", "python_version"), COMBINATIONS)
def test_no_delimiter_is_left_over_and_copied_files_are_identical(generate, database, python_version):
    project = generate(project_slug="shop", project_name="Shop", database=database, python=python_version)

    for path in files(project):
        relative = path.relative_to(project)
        if is_copied(relative):
            as_it_was = (TEMPLATE / relative).read_text()
            expected = as_it_was.replace(NAME, "Shop") if relative.suffix == ".html" else as_it_was
            assert path.read_text() == expected, relative
        elif relative.name not in (".env", ".cruft.json"):
            text = path.read_text()
            assert not [mark for mark in DELIMITERS if mark in text], relative


@pytest.mark.parametrize(("database", "python_version"), COMBINATIONS)
def test_the_answers_are_in_the_project(generate, database, python_version):
    project = generate(
        project_slug="shop", project_name="My Shop", description="It sells.", database=database, python=python_version
    )

    assert project.name == "shop"
    assert "# My Shop\n\nIt sells." in (project / "README.md").read_text()
    assert ">My Shop</a>" in (project / "templates" / "base.html").read_text()
    assert (project / ".python-version").read_text().strip() == python_version
    assert 'description = "It sells."' in (project / "pyproject.toml").read_text()
    assert f"FROM python:{python_version}-slim" in (project / "Dockerfile").read_text()
    assert ("image: postgres" in (project / "compose.yaml").read_text()) is (database == "postgresql")
    assert ("DATABASE_URL=postgres://" in (project / ".env").read_text()) is (database == "postgresql")


def test_a_name_that_means_something_in_a_template_is_only_shown(generate):
    page = (generate(project_slug="shop", project_name="Ben & {% Co") / "templates" / "base.html").read_text()

    assert ">Ben &amp; &#123;% Co</a>" in page
    assert NAME not in page


def test_each_project_has_a_secret_of_its_own_that_only_its_owner_can_read(generate):
    one, other = generate() / ".env", generate() / ".env"

    assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert "DEBUG=1" in one.read_text()
    assert one.read_text() != other.read_text()


def test_nothing_that_a_run_in_the_template_folder_leaves_gets_into_a_project(generate, template_folder_in_use):
    project = generate()

    assert not (project / "data").exists()
    assert not list(project.rglob("__pycache__"))
    assert "left over" not in (project / ".env").read_text()


@pytest.mark.parametrize(
    "slug", ["my-shop", "Shop", "1shop", "class", "tasks", "runtime", "main", "json", "sys", "django", "granian"]
)
def test_a_slug_that_python_could_not_use_is_refused(generate, slug):
    with pytest.raises(FailedHookException):
        generate(project_slug=slug)


def test_a_refused_slug_is_explained_in_one_line(tmp_path):
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "-o", tmp_path, ROOT, "project_slug=my-shop"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode != 0
    assert "project_slug 'my-shop' is not a Python identifier in lower case: type another one" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_the_next_two_commands_are_printed(tmp_path):
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "-o", tmp_path, ROOT, "project_slug=shop"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "cd shop\n    uv run main.py" in result.stdout
