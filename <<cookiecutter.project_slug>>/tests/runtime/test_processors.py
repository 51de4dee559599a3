"""A thread that sleeps is woken on another processor than its waker's, and may use all again once it is awake."""

import os
import threading

import pytest

from runtime.shared import processors

ALL = os.sched_getaffinity(0)


@pytest.fixture
def sleeper():
    """A thread that waits: its native id, and a function that lets it use any processor."""
    known, go_on, again, done = threading.Event(), threading.Event(), threading.Event(), threading.Event()

    def sleep():
        known.set()
        go_on.wait()
        processors.use_any()
        again.set()
        done.wait()

    def use_any():
        go_on.set()
        again.wait()

    thread = threading.Thread(target=sleep)
    thread.start()
    known.wait()
    yield thread.native_id, use_any
    go_on.set()
    done.set()
    thread.join()


def test_a_sleeper_is_kept_off_the_processor_of_its_waker(sleeper, monkeypatch):
    thread, use_any = sleeper
    here = min(ALL)
    monkeypatch.setattr(processors, "current", lambda: here)

    processors.keep_off_this(thread)
    assert os.sched_getaffinity(thread) == (ALL - {here} or ALL)

    use_any()
    assert os.sched_getaffinity(thread) == ALL
    assert os.sched_getaffinity(0) == ALL


def test_one_that_has_ended_is_let_be(sleeper):
    processors.keep_off_this(2**22 - 1)
    assert os.sched_getaffinity(0) == ALL


def test_the_processor_of_a_thread_is_one_that_it_may_use():
    assert processors.current() in ALL
