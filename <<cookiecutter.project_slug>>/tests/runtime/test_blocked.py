"""What a thread is blocked in, as the kernel tells it."""

import contextlib
import os
import socket
import subprocess
import sys
import threading

import pytest

from runtime.shared import blocked

PATIENCE = 60


@contextlib.contextmanager
def blocked_in(function):
    """A thread that runs the function, as its native id."""
    started, ids = threading.Event(), []

    def run():
        ids.append(threading.get_native_id())
        started.set()
        with contextlib.suppress(OSError):
            function()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(PATIENCE)
    yield ids[0]
    thread.join(PATIENCE)
    assert not thread.is_alive()


def when_blocked(thread):
    """The call that a thread is blocked in, once it is."""
    for _ in range(PATIENCE * 100):
        if call := blocked.call_of(thread):
            return call
        threading.Event().wait(0.01)
    raise AssertionError("it does not block")


@pytest.mark.parametrize("timeout", [None, 1000])
def test_a_read_from_a_silent_peer_is_seen_and_ended_by_shutting_its_socket(timeout):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(timeout)
        with blocked_in(lambda: ours.recv(1)) as thread:
            name, descriptor = when_blocked(thread)
            assert descriptor == ours.fileno() == blocked.descriptor_of(thread)
            assert name == ("recv" if timeout is None else "poll")
            blocked.shut(descriptor)


def test_the_peer_is_told_in_words():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, blocked_in(lambda: client.recv(1)) as thread:
            when_blocked(thread)
            words = blocked.in_words(thread)
            client.shutdown(socket.SHUT_RDWR)

    assert words == f"recv from 127.0.0.1:{port}"


def test_a_read_from_a_pipe_is_told_by_its_descriptor():
    reading, writing = os.pipe()
    with blocked_in(lambda: os.read(reading, 1)) as thread:
        when_blocked(thread)
        words = blocked.in_words(thread)
        os.close(writing)
    os.close(reading)

    assert words == f"read on descriptor {reading}"


def test_a_thread_that_waits_for_another_one_or_is_gone_is_blocked_on_no_descriptor():
    event = threading.Event()
    with blocked_in(event.wait) as thread:
        waits = [blocked.call_of(thread), blocked.descriptor_of(thread), blocked.in_words(thread)]
        event.set()
    gone = [blocked.call_of(thread), blocked.descriptor_of(thread), blocked.in_words(thread)]

    assert waits == gone == [None, None, ""]
    assert blocked.children_of(thread) == []


def test_what_is_no_socket_cannot_be_shut():
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="socket"):
        blocked.shut(reading)
    os.close(reading)
    os.close(writing)


def test_the_children_of_a_thread_are_its_own():
    ours = threading.get_native_id()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        here = blocked.children_of(ours)
        with blocked_in(lambda: None) as other:
            there = blocked.children_of(other)
        child.communicate(b"\n")

    assert child.pid in here
    assert there == []


def test_to_tell_of_what_is_no_socket_leaves_no_descriptor_behind():
    event = os.eventfd(0)
    with blocked_in(lambda: os.eventfd_read(event)) as thread:
        name, descriptor = when_blocked(thread)
        before = os.listdir("/proc/self/fd")
        told = blocked.in_words(thread)

        assert (told, os.listdir("/proc/self/fd")) == (f"{name} on descriptor {descriptor}", before)
        os.eventfd_write(event, 1)
    os.close(event)
