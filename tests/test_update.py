"""A project follows the template from one commit to the next, with `cruft update`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

from tests.conftest import ROOT, tracked_files

CRUFT = Path(sys.executable).with_name("cruft")
SOMEBODY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "somebody"), ("EMAIL", "somebody@example.org"))
}


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | SOMEBODY, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Commit all there is in a repository; the commit's id."""
    run("git", "add", "--all", folder=folder)
    run("git", "commit", "--quiet", "--message", "a state", folder=folder)
    return run("git", "rev-parse", "HEAD", folder=folder)


@pytest.fixture
def template(tmp_path) -> Path:
    """The template as a repository of its own."""
    folder = tmp_path / "template"
    for path in tracked_files():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    run("git", "init", "--quiet", folder=folder)
    commit(folder)
    return folder


@pytest.fixture
def project(template, tmp_path) -> Path:
    folder = Path(
        cookiecutter(str(template), no_input=True, output_dir=str(tmp_path), extra_context={"project_slug": "shop"})
    )
    run("git", "init", "--quiet", folder=folder)
    commit(folder)
    return folder


def test_a_project_knows_the_commit_that_it_was_made_from(template, project):
    state = json.loads((project / ".cruft.json").read_text())

    assert state["commit"] == run("git", "rev-parse", "HEAD", folder=template)
    assert state["context"]["cookiecutter"]["project_slug"] == "shop"
    assert str(project.parent) not in str(state["context"]["cookiecutter"]).replace(str(template), "")


def test_an_update_brings_what_is_new_and_keeps_what_is_ones_own(template, project):
    inside = template / "<<cookiecutter.project_slug>>"
    secret = (project / ".env").read_text()
    urls, main = project / "config" / "urls.py", project / "main.py"
    urls.write_text(f"{urls.read_text()}# of this project\n")
    commit(project)
    (inside / "main.py").write_text((inside / "main.py").read_text().replace('"""The server', '"""The new server', 1))
    (inside / "runtime" / "new.py").write_text('"""New."""\n')
    newest = commit(template)

    run(CRUFT, "update", "--skip-apply-ask", folder=project)

    assert main.read_text().startswith('"""The new server')
    assert (project / "runtime" / "new.py").exists()
    assert urls.read_text().endswith("# of this project\n")
    assert (project / ".env").read_text() == secret
    assert json.loads((project / ".cruft.json").read_text())["commit"] == newest
    assert not [path for path in project.rglob("*.rej") if ".git" not in path.parts]
    run(CRUFT, "check", folder=project)
