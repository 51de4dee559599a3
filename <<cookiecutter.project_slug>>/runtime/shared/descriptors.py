"""Descriptors that wake who waits: they belong to the process, so any interpreter can write and wait on them."""

import contextlib
import os
import resource
import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.shared.memory_queue import MemoryQueue

# Signals that wait for a queue's workers because of other processes and nodes. Who wakes works until nothing is found,
# so more of them only make for looks in vain where another node has run the tasks.
MOST_WAITING = 64

MOST = 65536  # descriptors of the process, where it may have more


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakeups:
    """Event descriptors (eventfd): the queues' count the tasks that nobody was woken for yet."""

    queues: dict[str, int]
    housekeeper: int  # a task became due later than now, or somebody wants fresh gauges
    supervisor: int  # a state on the board has changed
    mailboxes: tuple[tuple[int, int], ...] = ()  # by seat: two ends of a socket (tasks/table/handover.py)
    finished: tuple[int, ...] = ()  # by seat: a task that is waited for there has ended (tasks/table/awaiting.py)
    memory: dict[str, MemoryQueue] = field(default_factory=dict)  # by queue, of those that one is configured for

    @classmethod
    def make(cls, queues: tuple[str, ...], seats: int = 0, memory: dict[str, MemoryQueue] | None = None) -> Wakeups:
        return cls(
            queues={queue: event() for queue in queues},
            housekeeper=event(),
            supervisor=event(),
            mailboxes=tuple(mailbox() for _ in range(seats)),
            finished=tuple(event() for _ in range(seats)),
            memory=memory or {},
        )

    def of(self, queues: tuple[str, ...]) -> list[int]:
        """The descriptors that tell of tasks in these queues."""
        in_memory = [self.memory[queue].signal for queue in queues if queue in self.memory]
        return [self.queues[queue] for queue in queues] + in_memory

    def empty_mailbox(self, seat: int) -> None:
        """Who sat there has left an offer, perhaps: nobody shall take it any more."""
        for end in self.mailboxes[seat] if self.mailboxes else ():
            with contextlib.suppress(BlockingIOError):
                while os.read(end, 1):  # a message, however long
                    pass

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)

    @property
    def descriptors(self) -> set[int]:
        ends = (end for mailbox in self.mailboxes for end in mailbox)
        in_memory = (end for queue in self.memory.values() for end in (queue.memory, queue.signal))
        return {*self.queues.values(), self.housekeeper, self.supervisor, *ends, *self.finished, *in_memory}


def raise_limit() -> None:
    """Let the process have as many descriptors as it may: a connection takes one, a seat five."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if 0 <= soft < most:
        with contextlib.suppress(ValueError, OSError):  # a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def event() -> int:
    """A new event descriptor that any thread of the process may signal and wait on; each signal can be taken once."""
    return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE | os.EFD_CLOEXEC)


def mailbox() -> tuple[int, int]:
    kind = socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    box, slot = socket.socketpair(socket.AF_UNIX, kind)
    return box.detach(), slot.detach()


def signal(descriptor: int, number: int = 1) -> None:
    os.eventfd_write(descriptor, number)


def signal_up_to(most: int, descriptor: int, number: int) -> None:
    """Signal, and leave no more than `most` signals waiting."""
    waiting = 0
    while waiting < most and take(descriptor):
        waiting += 1
    if (wanted := min(waiting + number, most)) > 0:
        signal(descriptor, wanted)


def poll_of(ends: Iterable[int]) -> select.poll:
    """Waits until one of these can be read."""
    poll = select.poll()
    for descriptor in ends:
        poll.register(descriptor, select.POLLIN)
    return poll


def take(descriptor: int) -> bool:
    """Take one signal; False where there is none."""
    try:
        os.eventfd_read(descriptor)
    except BlockingIOError:
        return False
    return True
