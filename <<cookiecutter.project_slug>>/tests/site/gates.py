"""A gate: a named pipe at which a task or a view says that it has arrived and waits until the test lets it through."""

import os
import select
from pathlib import Path

PATIENCE = 60  # seconds


def make(folder: Path, name: str) -> Path:
    gate = folder / name
    os.mkfifo(gate)
    os.mkfifo(f"{gate}.arrived")
    return gate


def arrive_and_wait(gate: str) -> None:
    """In the server: block until `open_gate`."""
    with open(f"{gate}.arrived", "w"):
        pass
    with open(gate) as pipe:
        pipe.read()


def wait_for_arrival(gate: Path) -> None:
    """In the test: return once somebody has arrived."""
    arrived = os.open(f"{gate}.arrived", os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(arrived, select.POLLIN)
        assert poll.poll(PATIENCE * 1000), f"nobody has come to {gate}"
    finally:
        os.close(arrived)


def open_gate(gate: Path) -> None:
    with open(gate, "w"):
        pass


def remove(gate: Path) -> None:
    """In the test: from now on nobody waits there."""
    for pipe in (gate, Path(f"{gate}.arrived")):
        pipe.unlink()
        pipe.touch()
