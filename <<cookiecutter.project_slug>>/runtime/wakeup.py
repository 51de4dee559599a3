"""Descriptors that wake who waits: they belong to the process, so any interpreter can write and wait on them."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.memory_queue import MemoryQueue

# Signals that wait for a queue's workers because of other processes and nodes. Who wakes works until nothing is found,
# so more of them only make for looks in vain where another node has run the tasks.
MOST_WAITING = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakeups:
    """Event descriptors (eventfd): the queues' count the tasks that nobody was woken for yet."""

    queues: dict[str, int]
    housekeeper: int  # a task became due later than now, or somebody wants fresh gauges
    supervisor: int  # a state on the board has changed
    mailboxes: tuple[tuple[int, int], ...] = ()  # by seat: two ends of a socket (tasks/handover.py)
    finished: tuple[int, ...] = ()  # by seat: a task that is waited for there has ended (tasks/awaiting.py)
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

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)

    @property
    def descriptors(self) -> set[int]:
        ends = (end for mailbox in self.mailboxes for end in mailbox)
        in_memory = (end for queue in self.memory.values() for end in (queue.memory, queue.signal))
        return {*self.queues.values(), self.housekeeper, self.supervisor, *ends, *self.finished, *in_memory}


def event() -> int:
    """A new event descriptor that any thread of the process may signal and wait on; each signal wakes one reader."""
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


def take(descriptor: int) -> bool:
    """Take one signal; False where there is none."""
    try:
        os.eventfd_read(descriptor)
    except BlockingIOError:
        return False
    return True


class WakeupSocket:
    """The socket on which other processes of this machine (manage.py shell, cron), and the web, tell main something.

    Other nodes say the same (runtime/peers.py).

    queue NAME    a task was enqueued to this queue
    due           a task was enqueued for later, or a queue paused or resumed
    cancel ID     a running task is to end

    What comes with a descriptor is a question, to be answered there (runtime/inquiry.py).
    """

    def __init__(
        self,
        path: Path,
        wakeups: Wakeups,
        cancel: Callable[[str], object],
        is_paused: Callable[[str], bool] = lambda queue: False,
        answer: Callable[[str, int], object] = lambda question, descriptor: os.close(descriptor),
    ) -> None:
        self.path, self.wakeups, self.cancel = path, wakeups, cancel
        self.is_paused, self.answer = is_paused, answer
        self.open()

    def open(self) -> None:
        """From here on messages are kept for `listen`."""
        self.path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        with address_of(self.path) as address:
            self.socket.bind(address)

    def listen(self) -> None:
        if self.socket.fileno() < 0:  # closed before
            self.open()
        asyncio.get_running_loop().add_reader(self.socket, self.receive)

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()
        self.path.unlink(missing_ok=True)

    def receive(self) -> None:
        """Pass on what has come."""
        while received := self._next():
            message, descriptors = received
            if descriptors:
                self.answer(message, descriptors[0])
            else:
                self.pass_on(message)

    def pass_on(self, message: str, number: int = 1) -> None:
        """Wake whom a message concerns; `number` tasks were enqueued."""
        word, _, rest = message.partition(" ")
        if word == "queue" and rest in self.wakeups.queues:
            if not self.is_paused(rest):
                signal_up_to(MOST_WAITING, self.wakeups.queues[rest], number)
        elif word == "cancel":
            self.cancel(rest)
        else:
            signal(self.wakeups.housekeeper)

    def _next(self) -> tuple[str, list[int]] | None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self.socket, 256, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return None
        return message.decode(errors="replace"), descriptors


def send(data_dir: Path, message: str, *descriptors: int) -> None:
    """Tell something (see WakeupSocket) to the servers on this folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
        for path in data_dir.glob("server-*.sock"):
            # No server any more, or one that has too much to read to be asleep.
            with contextlib.suppress(OSError), address_of(path) as address:
                sender.connect(address)
                socket.send_fds(sender, [message.encode()], list(descriptors))


@contextlib.contextmanager
def address_of(path: Path) -> Iterator[str]:
    """An address for a socket in a folder of any name: the kernel takes 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
