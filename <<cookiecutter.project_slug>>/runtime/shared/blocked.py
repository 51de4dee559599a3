"""What a thread of this process is blocked in, from /proc: the call, the descriptor, the peer."""

import os
import socket
import sys
from pathlib import Path

# Numbers of the calls that block on a descriptor, by machine; `poll` takes an array of them instead.
X86_64 = {0: "read", 1: "write", 42: "connect", 43: "accept", 44: "send", 45: "recv", 46: "send", 47: "recv"}
AARCH64 = {63: "read", 64: "write", 203: "connect", 202: "accept", 206: "send", 207: "recv", 211: "send", 212: "recv"}
CALLS, POLL = {"x86_64": (X86_64, (7, 271)), "aarch64": (AARCH64, (73,))}.get(os.uname().machine, ({}, ()))


def call_of(thread: int) -> tuple[str, int] | None:
    """The blocking call and its descriptor, for a native thread id; None where it runs or waits for something else."""
    try:
        words = Path(f"/proc/self/task/{thread}/syscall").read_text().split()
        number, first, second = int(words[0]), int(words[1], 16), int(words[2], 16)
        if number in CALLS:
            return CALLS[number], first
        if number in POLL and second == 1:  # a socket with a timeout: one pollfd, which begins with the descriptor
            return "poll", _integer_at(first)
    except OSError, ValueError, IndexError:
        pass
    return None


def _integer_at(address: int) -> int:
    """A C integer of this process. Raises OSError where its thread has gone meanwhile, and its memory with it."""
    memory = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int.from_bytes(os.pread(memory, 4, address), sys.byteorder, signed=True)
    finally:
        os.close(memory)


def descriptor_of(thread: int) -> int | None:
    call = call_of(thread)
    return call[1] if call else None


def children_of(thread: int) -> list[int]:
    """The processes that this thread has started and that still run."""
    try:
        return [int(word) for word in Path(f"/proc/self/task/{thread}/children").read_text().split()]
    except OSError:
        return []


def shut(descriptor: int) -> None:
    """Shut a socket for both directions, for whoever is blocked on it. Raises OSError where it is no socket."""
    with _socket_of(descriptor) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


def _socket_of(descriptor: int) -> socket.socket:
    """By a descriptor of its own: its thread may close the other one meanwhile. Raises OSError where it is none."""
    duplicate = os.dup(descriptor)
    try:
        return socket.socket(fileno=duplicate)
    except BaseException:
        os.close(duplicate)
        raise


def in_words(thread: int) -> str:
    """ "recv from 10.0.0.5:443", or "" where the thread is not blocked on a descriptor."""
    call = call_of(thread)
    if call is None:
        return ""
    try:
        with _socket_of(call[1]) as duplicate:
            peer = duplicate.getpeername()
    except OSError, OverflowError:
        return f"{call[0]} on descriptor {call[1]}"
    address = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else peer or "a local socket"
    return f"{call[0]} from {address}"
