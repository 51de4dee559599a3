"""A server of the template folder for a benchmark, on a free port and a fresh DATA_DIR."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "<<cookiecutter.project_slug>>"


@dataclass
class Server:
    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    base = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    site = {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "benchmarks.site.settings", "DEBUG": "0"}
    return base | site | {"DATA_DIR": str(data_dir)} | variables


@contextlib.contextmanager
def running(**variables: str) -> Iterator[Server]:
    """Start main.py, wait until it is ready, stop it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(Path(folder), **variables)
        log = Path(folder) / "server.log"
        command = [sys.executable, "main.py", "--port", "0"]
        process = subprocess.Popen(command, cwd=PROJECT, env=variables, stderr=log.open("w"))
        try:
            yield Server(_wait_for_address(log, process), Path(folder), process, variables)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for_address(log: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        for line in log.read_text().splitlines():
            if "server_ready address=" in line:
                return line.split("address=")[1].split()[0]
        time.sleep(0.02)
    sys.exit(f"The server did not start:\n{log.read_text()}")


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return bytes(answer.read())
