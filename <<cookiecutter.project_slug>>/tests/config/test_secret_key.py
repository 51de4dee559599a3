"""The key that is made where none is set."""

import errno
import stat
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from config.secret_key import stored_secret_key


def test_it_is_made_once_and_only_for_its_owner(tmp_path):
    key = stored_secret_key(tmp_path)

    assert len(key) >= 50
    assert stored_secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_two_servers_have_two_keys(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    assert stored_secret_key(tmp_path / "one") != stored_secret_key(tmp_path / "two")


def test_who_comes_at_the_same_time_gets_the_same_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(stored_secret_key, [tmp_path] * 64))

    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_processes_that_come_at_the_same_time_get_the_same_key(tmp_path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        keys = set(pool.map(stored_secret_key, [tmp_path] * 8))

    assert keys == {(tmp_path / "secret_key").read_text()}


def test_a_key_that_is_there_is_kept_as_it_is(tmp_path):
    (tmp_path / "secret_key").write_text("kept by hand\n")

    assert stored_secret_key(tmp_path) == "kept by hand"


def test_what_a_killed_start_left_behind_does_no_harm(tmp_path):
    (tmp_path / ".secret_key.1234.abcd").write_text("")

    assert len(stored_secret_key(tmp_path)) >= 50


def test_a_key_that_cannot_be_stored_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("config.secret_key.os.fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        stored_secret_key(tmp_path)
    assert list(tmp_path.iterdir()) == []
