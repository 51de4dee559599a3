"""Who has taken how much memory: what the process has grown by is charged to what runs.

No allocator can tell, as all interpreters share one heap. But the kernel counts page faults by thread, and the first
touch of a page is one: growth between two looks is divided in proportion to them.
"""

import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass

from runtime.interpreter.host import Host
from runtime.shared.board import Board, Cell

PAGE = resource.getpagesize()


@dataclass(slots=True)
class Use:
    """Memory of the process, in bytes."""

    resident: int
    requested: int  # what RLIMIT_DATA counts: also what was never touched, as most of each thread's stack

    @classmethod
    def now(cls) -> Use:
        pages = _read("/proc/self/statm").split()
        return cls(int(pages[1]) * PAGE, int(pages[5]) * PAGE)


@dataclass(slots=True, eq=False)
class Account:
    """What runs on one seat."""

    host: Host
    row: memoryview
    thread: int  # native id
    faults: int  # of the thread, up to the last look
    work: int = 0  # the BUSY_SINCE of the task or request that is charged; 0: none
    taken: float = 0.0  # bytes


class Ledger:
    """One account for each seat that is taken."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.accounts: dict[int, Account] = {}
        self.resident, self.faults = Use.now().resident, _faults_of_process()

    def charge(self, resident: int, hosts: Iterable[Host]) -> None:
        """Charge what has come since the last look, or take off what has gone."""
        grown, self.resident = resident - self.resident, resident
        before, self.faults = self.faults, _faults_of_process()
        self.accounts = {seat: self._account(host, seat) for host in hosts for seat in host.assignment.seats}
        ended = self._close_what_has_ended()
        for account in self.accounts.values():
            if account.work:
                faults, account.faults = account.faults, faults_of(account.thread)
                account.taken += max(0, grown) * min(1, (account.faults - faults) / max(1, self.faults - before))
        if (freed := -grown - ended) > 0:  # nobody knows whose it was: from each in proportion
            total = sum(account.taken for account in self.accounts.values())
            for account in self.accounts.values():
                account.taken *= max(0.0, 1 - freed / total) if total else 0

    def _account(self, host: Host, seat: int) -> Account:
        row = self.board.seat(seat)
        account, thread = self.accounts.get(seat), row[Cell.THREAD]
        if account and account.host is host and account.thread == thread:
            return account
        return Account(host, row, thread, faults_of(thread))

    def _close_what_has_ended(self) -> float:
        """Returns how much it had taken, which goes back now."""
        ended = 0.0
        for account in self.accounts.values():
            if account.work != (work := account.row[Cell.BUSY_SINCE]):
                ended += account.taken
                account.work, account.taken = work, 0.0
        return ended


def faults_of(thread: int) -> int:
    """Page faults without disk access, of one of the process's threads; 0 where it is no more."""
    try:
        return int(_read(f"/proc/self/task/{thread}/stat").rpartition(b")")[2].split()[7])
    except OSError:
        return 0


def _read(path: str) -> bytes:
    """A small file, with little memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 400)
    finally:
        os.close(descriptor)


def _faults_of_process() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
