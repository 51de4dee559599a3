"""A gate: a named pipe at which a task or a view says that it has arrived and waits until the test lets it through."""

import os
from pathlib import Path


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
    """In the test: block until somebody has arrived."""
    with open(f"{gate}.arrived") as pipe:
        pipe.read()


def open_gate(gate: Path) -> None:
    with open(gate, "w"):
        pass


def remove(gate: Path) -> None:
    """In the test: from now on nobody waits there."""
    for pipe in (gate, Path(f"{gate}.arrived")):
        pipe.unlink()
        pipe.touch()
