"""docs/first-task.md, walked: its commands and its files, in a project of its own."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment

PAGE = (ROOT / "docs" / "first-task.md").read_text()
BLOCKS = re.findall(r"```(?:python|html)\n(?:# |<!-- )(\S+?\.(?:py|html))(?:: [^\n]*| -->)?\n(.*?)```", PAGE, re.DOTALL)
BEFORE = {"config/settings.py": '    "ops",\n', "config/urls.py": '    path("", include("tasks.urls")),\n'}


@pytest.fixture(scope="module")
def project(generate, python) -> Path:
    """As it stands after step 6."""
    folder = generate(project_slug="my_project")
    assert "manage.py startapp shop" in PAGE
    subprocess.run([python, "manage.py", "startapp", "shop"], cwd=folder, env=environment(), check=True)
    for name, text in BLOCKS:
        path = folder / name
        if name in BEFORE:
            edit(path, text, BEFORE[name])
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


def edit(path: Path, lines: str, place: str) -> None:
    """Put lines of a list beside the line `place`, imports to the others."""
    settings = path.read_text()
    assert place in settings
    for line in lines.splitlines(keepends=True):
        before = "from " if line.startswith("from ") else place
        settings = settings.replace(f"\n{before}", f"\n{line}{before}", 1)
    path.write_text(settings)


def run(python: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def test_every_file_of_the_page_is_walked(project):
    assert [name for name, _ in BLOCKS] == [
        "config/settings.py", "shop/tasks.py", "shop/views.py", "templates/shop/report.html", "config/urls.py",
        "tests/test_shop.py",
    ]  # fmt: skip


def test_its_test_passes(project, python):
    done = run(python, project, "-m", "pytest", "-q", "tests/test_shop.py")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_check_says_where_it_can_live(project, python):
    done = run(python, project, "main.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr

    tasks = project / "shop" / "tasks.py"
    before = tasks.read_text()
    tasks.write_text(f"import PIL.Image\n{before}")
    refused = run(python, project, "main.py", "--check")
    tasks.write_text(before)

    assert refused.returncode == 1
    assert re.search("shop.tasks.* PIL", refused.stdout + refused.stderr), refused.stdout + refused.stderr
    assert "images" in refused.stdout


def test_the_code_passes_the_check_of_the_project(project, python):
    assert "make format && make check" in PAGE
    for tool in ("ruff check --fix .", "ruff format .", "ruff check .", "ruff format --check .", "mypy ."):
        done = run(python, project, "-m", *tool.split())

        assert done.returncode == 0, done.stdout + done.stderr
