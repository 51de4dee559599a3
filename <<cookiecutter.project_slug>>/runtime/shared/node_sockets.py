"""Messages to the servers on a folder, from other processes of this machine: wakeup_socket.py hears them."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path


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
