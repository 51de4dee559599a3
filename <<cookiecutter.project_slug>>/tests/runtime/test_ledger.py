"""Whose growth it is: page faults by thread, charged to what runs."""

from types import SimpleNamespace

import pytest

from runtime.memory_limit import ledger
from runtime.memory_limit.ledger import Ledger, Use, faults_of
from runtime.shared.board import Board, Cell

MB = 2**20


class Process:
    """What the kernel would say of a process with one thread for each of two seats."""

    def __init__(self, monkeypatch):
        self.board, self.resident = Board(("default",), 4), 100 * MB
        self.faults, self.of_threads = 0, {10: 500, 11: 500}
        self.hosts = [SimpleNamespace(assignment=SimpleNamespace(seats=(0, 1)))]
        for seat, thread in enumerate(self.of_threads):
            self.board.seat(seat)[Cell.THREAD] = thread
        monkeypatch.setattr(ledger, "faults_of", self.of_threads.get)
        monkeypatch.setattr(ledger, "_faults_of_process", lambda: self.faults)
        monkeypatch.setattr(Use, "now", lambda: Use(self.resident, 0))
        self.ledger = Ledger(self.board)
        self.look()

    def work(self, seat, since):
        self.board.seat(seat)[Cell.BUSY_SINCE] = since

    def look(self, megabytes=0, *faults):
        """The process has grown by so much, and these threads (and then others) have had so many faults."""
        self.resident += megabytes * MB
        self.faults += sum(faults)
        for thread, number in zip(self.of_threads, faults, strict=False):
            self.of_threads[thread] += number
        self.ledger.charge(self.resident, self.hosts)
        return [round(account.taken / MB) for account in self.ledger.accounts.values()]


@pytest.fixture
def process(monkeypatch):
    return Process(monkeypatch)


def test_growth_is_divided_by_the_faults_of_what_runs(process):
    process.work(0, since=1)
    process.work(1, since=1)

    assert process.look(100, 900, 100) == [90, 10]
    assert process.look(100, 0, 100) == [90, 110]


def test_what_others_have_taken_is_charged_to_nobody(process):
    process.work(0, since=1)

    assert process.look(100, 100, 0, 900) == [10, 0]


def test_a_task_begins_with_an_empty_account(process):
    process.work(0, since=1)
    process.look(100, 100)
    process.work(0, since=2)

    assert process.look() == [0, 0]
    assert process.look(10, 100) == [10, 0]


def test_what_ends_takes_along_what_it_had(process):
    process.work(0, since=1)
    process.work(1, since=1)
    process.look(100, 80, 20)
    process.work(0, since=0)

    assert process.look(-30) == [0, 20]  # the rest of it comes back later, or never


def test_what_is_freed_while_all_run_is_taken_off_each(process):
    process.work(0, since=1)
    process.work(1, since=1)
    process.look(100, 80, 20)

    assert process.look(-50) == [40, 10]
    assert process.look(-500) == [0, 0]


def test_another_thread_on_the_seat_is_somebody_else(process):
    process.work(0, since=1)
    process.look(100, 100)
    process.of_threads[12] = 10_000
    process.board.seat(0)[Cell.THREAD] = 12

    assert process.look() == [0, 0]


def test_the_kernel_counts_the_first_touch_of_each_page():
    import threading

    thread = threading.get_native_id()
    before = faults_of(thread)
    eaten = bytearray(b"x" * (20 * MB))

    assert faults_of(thread) - before > len(eaten) / ledger.PAGE / 512  # 512: with huge pages
    assert faults_of(0) == 0
