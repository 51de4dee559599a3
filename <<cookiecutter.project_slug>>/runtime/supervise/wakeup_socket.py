"""What other processes and nodes tell main: tasks to wake somebody for, tasks to end, questions."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

from runtime.shared.descriptors import MOST_WAITING, Wakeups, signal, signal_up_to
from runtime.shared.node_sockets import address_of


class WakeupSocket:
    """The socket on which other processes of this machine (manage.py shell, cron), and the web, tell main something.

    Other nodes say the same (runtime/supervise/peers.py).

    queue NAME    a task was enqueued to this queue
    due           a task was enqueued for later, or a queue paused or resumed
    cancel ID CLAIM
                  a running task is to end, if the claim is one of this server's

    What comes with a descriptor is a question, to be answered there (runtime/observe/inquiry.py).
    """

    def __init__(
        self,
        path: Path,
        wakeups: Wakeups,
        cancel: Callable[[str, str], object],
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
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.socket, 256, 1, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            message = data.decode(errors="replace")
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
            task, _, claim = rest.partition(" ")
            self.cancel(task, claim)
        else:
            signal(self.wakeups.housekeeper)
