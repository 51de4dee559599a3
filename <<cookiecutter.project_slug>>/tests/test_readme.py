"""The examples of README.md, run as they stand there."""

import re
from types import SimpleNamespace

import pytest
from PIL import Image

import tasks
from samples.files import upload_path
from tasks.testing import run_pending
from tests.server import PROJECT

pytestmark = pytest.mark.django_db


def example(heading):
    """The names that the first example below a heading defines."""
    _, below = (PROJECT / "README.md").read_text().split(f"# {heading}\n", 1)
    names = {}
    exec(re.search(r"```python\n(.*?)```", below, re.DOTALL)[1], names)
    return names


def test_mail(mailoutbox):
    example("Mail")["thank"](SimpleNamespace(pk=7, email="ada@example.com"))

    assert (mailoutbox[0].to, mailoutbox[0].body) == (["ada@example.com"], "We have your order 7.")


@pytest.mark.parametrize("runs", [True, False])
def test_waiting_for_one(monkeypatch, tmp_path, settings, runs):
    upload_id, wait = "6f1de1a1-27f3-4a4e-9c4b-000000000000", tasks.wait
    settings.MEDIA_ROOT = tmp_path
    upload_path(upload_id).parent.mkdir()
    Image.new("RGB", (400, 300)).save(upload_path(upload_id), "PNG")

    def run_and_wait(result, seconds):
        if not runs:
            raise TimeoutError
        run_pending()
        return wait(result, seconds)

    monkeypatch.setattr(tasks, "wait", run_and_wait)
    url = example("Waiting for one")["preview_of"](upload_id)

    assert url == (f"/media/previews/{upload_id}/small.png" if runs else None)


def test_the_ways_through_the_code_lead_to_files_and_names_that_are_there():
    _, ways = (PROJECT / "README.md").read_text().split("## Ways through the code\n", 1)
    files = re.findall(r"`((?:runtime|tasks|config)/[\w/]+\.py)`", ways)
    names = {name for text in re.findall(r"`([\w.]+)`", ways) for name in re.findall(r"\w+", text)}
    code = " ".join(
        path.read_text() for part in ("runtime", "tasks", "config") for path in (PROJECT / part).rglob("*.py")
    )

    assert len(files) > 30
    assert [name for name in files if not (PROJECT / name).exists()] == []
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} <= {"main", "py", "__init__"}
