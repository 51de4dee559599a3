"""`wrk`, and what it finds."""

import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}


class Load(NamedTuple):
    p50: float  # milliseconds
    p99: float
    rate: float  # requests a second


def wrk(url: str, connections: int = 4, seconds: float = 5, script: Path | None = None) -> Load:
    """Ask again and again over so many connections; ends the benchmark where an answer is an error."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}", "--timeout", "30", "--latency"]
    text = subprocess.run(
        [*command, *(("-s", script) if script else ()), url], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"{url} was not answered well:\n{text}")
    p50, p99 = (_milliseconds(text, share) for share in (50, 99))
    return Load(p50, p99, float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]))  # type: ignore[index]


def _milliseconds(text: str, share: int) -> float:
    number, unit = re.search(rf"{share}%\s+([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * MILLISECONDS[unit]


def median(rounds: list[Load]) -> Load:
    return Load(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def show(name: str, rounds: list[Load]) -> None:
    p50, p99, rate = median(rounds)
    print(f"{name:<28} p50 {p50:.2f} ms   p99 {p99:.2f} ms   {rate:.0f} requests/s", flush=True)
