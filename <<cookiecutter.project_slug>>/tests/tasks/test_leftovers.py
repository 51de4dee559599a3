"""Threads that outlive their task are reported."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.worker.leftovers import note_threads, report_threads


@pytest.fixture
def thread():
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="forgotten")
    yield thread
    end.set()
    thread.join()


def test_a_thread_that_is_left_is_reported_once(thread, caplog):
    note_threads()
    thread.start()
    report_threads("shop.tasks.order 1")
    report_threads("shop.tasks.order 2")

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "shop.tasks.order 1 has left threads running: forgotten." in caplog.text


def test_threads_from_before_and_those_of_executors_are_not(thread, caplog):
    thread.start()
    note_threads()
    with ThreadPoolExecutor() as executor:
        executor.submit(int).result()
        report_threads("shop.tasks.order 1")

    assert not caplog.records
