"""Which files --reload looks at, and what it notices."""

import asyncio
import os

import pytest

from runtime.supervise import changes
from tests.runtime.on_loop import on_the_loop


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(changes, "LOOK_EVERY", 0)


def write(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class Watching:
    """Looks once before the test goes on to change something."""

    def __init__(self, folder, data):
        self.files = changes.of_files(folder, data)
        self.next = asyncio.ensure_future(anext(self.files))

    async def first_look(self, monkeypatch):
        looked, look = asyncio.Event(), changes._times
        loop = asyncio.get_running_loop()

        def times(folder, data):
            found = look(folder, data)
            loop.call_soon_threadsafe(looked.set)
            return found

        monkeypatch.setattr(changes, "_times", times)
        await looked.wait()

    async def names(self):
        names = await self.next
        await self.files.aclose()
        return names


@on_the_loop
async def test_a_change_a_new_file_and_one_that_is_gone_are_noticed(tmp_path, monkeypatch):
    changed, gone = write(tmp_path / "shop/views.py"), write(tmp_path / "shop/old.html")
    look = changes._times
    before, done = look(tmp_path, tmp_path / "data"), False
    monkeypatch.setattr(changes, "_times", lambda *folders: look(*folders) if done else before)  # it is one change
    watching = Watching(tmp_path, tmp_path / "data")
    await watching.first_look(monkeypatch)
    os.utime(changed, ns=(1, 1))
    gone.unlink()
    write(tmp_path / ".env")
    done = True

    assert await watching.names() == [".env", "shop/old.html", "shop/views.py"]


@pytest.mark.parametrize("name", ["a.py", "shop/templates/a.html", "robots.txt", ".env", "pyproject.toml"])
def test_sources_are_looked_at(tmp_path, name):
    path = write(tmp_path / name)

    assert changes._times(tmp_path, tmp_path / "data") == {str(path): path.stat().st_mtime_ns}


@pytest.mark.parametrize(
    "name",
    [
        "data/a.py",
        "shop/__pycache__/a.py",
        ".git/a.py",
        "node_modules/x/a.py",
        "a.pyc",
        "db.sqlite3",
        "notes.md",
        "a.py~",
    ],
)
def test_data_caches_and_what_is_no_source_are_not(tmp_path, name):
    write(tmp_path / name)

    assert changes._times(tmp_path, tmp_path / "data") == {}


def test_a_virtual_environment_of_any_name_is_not_looked_at(tmp_path):
    write(tmp_path / "environment/pyvenv.cfg")
    write(tmp_path / "environment/lib/a.py")

    assert changes._times(tmp_path, tmp_path / "data") == {}


def test_a_link_to_nowhere_is_no_error(tmp_path):
    (tmp_path / "a.py").symlink_to(tmp_path / "nowhere")

    assert changes._times(tmp_path, tmp_path / "data") == {}


@on_the_loop
async def test_what_changes_while_the_last_change_is_dealt_with_comes_next(tmp_path, monkeypatch):
    path = write(tmp_path / "a.py")
    watching = Watching(tmp_path, tmp_path / "data")
    await watching.first_look(monkeypatch)
    os.utime(path, ns=(1, 1))
    assert await watching.next == ["a.py"]
    os.utime(path, ns=(2, 2))

    watching.next = anext(watching.files)
    assert await watching.names() == ["a.py"]
