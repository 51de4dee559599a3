"""The lock on DATA_DIR, and what is written beside it."""

import json
import os
import resource
import stat
import subprocess
import sys

import pytest

from runtime.shared import node as nodes
from runtime.shared.node import AlreadyServed, running_nodes, take_node
from tests.server import PROJECT

HOLD = """
import sys
from pathlib import Path
from runtime.shared.node import take_node
node = take_node(Path(sys.argv[1]), shared=False)
print(node.id, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def take(tmp_path):
    taken = []

    def take(shared=False):
        node = take_node(tmp_path, shared)
        taken.append(node)
        return node

    yield take
    for node in taken:
        os.close(node.descriptor)


def release(node):
    """As the kernel does when the process ends."""
    replacement = os.open("/dev/null", os.O_RDONLY)
    os.dup2(replacement, node.descriptor)
    os.close(replacement)


@pytest.mark.parametrize("shared", [False, True])
def test_the_first_server_has_the_first_number(take, tmp_path, shared):
    node = take(shared)

    assert (node.path, node.socket_path) == (tmp_path / "server-1.json", tmp_path / "server-1.sock")


def test_a_second_start_is_refused_with_the_process_id_of_the_first(take, tmp_path):
    take()

    with pytest.raises(AlreadyServed) as caught:
        take()
    assert f"DATA_DIR={tmp_path}: process {os.getpid()} serves it already" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_refused_start_changes_nothing_and_keeps_nothing_open(take, tmp_path):
    node = take()
    node.write(address="http://127.0.0.1:8000")
    before, descriptors = node.path.read_text(), os.listdir("/proc/self/fd")
    with pytest.raises(AlreadyServed):
        take()

    assert node.path.read_text() == before
    assert os.listdir("/proc/self/fd") == descriptors


def test_processes_that_share_the_folder_take_the_next_number(take):
    names = [take(shared=True).path.name for _ in range(3)]

    assert names == ["server-1.json", "server-2.json", "server-3.json"]


def test_when_all_numbers_are_taken_the_start_is_refused(take, monkeypatch):
    monkeypatch.setattr(nodes, "NODES", 2)
    take(shared=True)
    take(shared=True)

    with pytest.raises(AlreadyServed):
        take(shared=True)


def test_a_number_that_is_free_again_is_taken_with_its_id(take):
    first, second = take(shared=True), take(shared=True)
    release(first)
    again = take(shared=True)

    assert (again.path, again.id) == (first.path, first.id)
    assert second.id != first.id


def test_the_lock_ends_with_the_process_however_it_ends(take, tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        identity = holder.stdout.readline().strip()
        with pytest.raises(AlreadyServed, match=f"process {holder.pid} "):
            take()
        holder.kill()

    assert take().id == identity


def test_a_child_process_does_not_keep_the_lock(take):
    node = take()
    command = [sys.executable, "-c", "print('runs', flush=True); input()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, close_fds=False) as child:
        child.stdout.readline()
        release(node)
        try:
            take()
        finally:
            child.communicate("\n")


def test_the_file_says_where_the_server_is(take, tmp_path):
    node = take()
    node.write(address="http://127.0.0.1:8000")

    expected = {"node": node.id, "pid": os.getpid(), "address": "http://127.0.0.1:8000"}
    assert json.loads(node.path.read_text()) == expected
    assert running_nodes(tmp_path) == [expected]
    assert stat.S_IMODE(node.path.stat().st_mode) == 0o600


def test_a_shorter_text_leaves_nothing_of_the_longer_one(take):
    node = take()
    node.write(address="http://" + "x" * 100)
    node.write()

    assert json.loads(node.path.read_text()) == {"node": node.id, "pid": os.getpid()}


def test_a_full_disk_takes_nothing_away(take):
    node = take()
    before, usual = node.path.read_text(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            node.write(address="http://127.0.0.1:8000")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert node.path.read_text() == before


def test_a_server_that_has_ended_is_not_shown(take, tmp_path):
    release(take())

    assert running_nodes(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"text"', "\0"])
def test_a_damaged_file_is_written_anew(take, tmp_path, content):
    (tmp_path / "server-1.json").write_text(content)

    assert json.loads(take().path.read_text())["pid"] == os.getpid()
