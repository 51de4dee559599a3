import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "<<cookiecutter.project_slug>>"


@pytest.fixture(scope="session")
def generate(tmp_path_factory):
    """generate(**answers) makes a project and returns its folder."""

    def generate_project(**answers: str) -> Path:
        folder = tmp_path_factory.mktemp("generated")
        return Path(cookiecutter(str(ROOT), no_input=True, output_dir=str(folder), extra_context=answers))

    return generate_project


@pytest.fixture
def template_folder_in_use():
    """The template folder as a run in it leaves it."""
    env, data, bytecode = TEMPLATE / ".env", TEMPLATE / "data" / "left-over", TEMPLATE / "__pycache__" / "left-over.pyc"
    own = [path for path in (env, data, bytecode) if not path.exists()]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_text("# left over")
    yield
    for path in own:
        path.unlink()


@pytest.fixture(scope="session")
def scratch():
    """A folder that other users may enter: PostgreSQL refuses to run as root, and pytest closes its own folders."""
    folder = Path(tempfile.mkdtemp(prefix="single-server-django-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def python(scratch) -> Path:
    """A Python with exactly the pinned requirements of a generated project, compiled."""
    folder = scratch / "venv"
    subprocess.run(["scripts/make-venv", folder, TEMPLATE / "requirements-dev.lock"], cwd=ROOT, check=True)
    return folder / "bin" / "python"


def environment(**variables: str) -> dict[str, str]:
    """The environment of a generated project's process: none of this machine's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "XDG_CACHE_HOME") if name in os.environ}
    return kept | variables


def tracked_files() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]
