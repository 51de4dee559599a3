"""What main and the interpreters must agree about: the layout of the board, frames and letters, what one is told.

Main keeps the code that it was started with, an interpreter reads what is on disk when it starts. Where these files
have changed since, two of them would read each other wrongly.
"""

import hashlib
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
PARTS = ("runtime/shared", "runtime/interpreter", "runtime/http", "runtime/web", "tasks/table")
CHANGED = f"{', '.join(PARTS[:-1])} or {PARTS[-1]} has changed on disk, which takes a restart of the server."


def fingerprint(project: Path = PROJECT) -> str:
    """Of the files that both sides read."""
    digest = hashlib.sha256()
    for path in sorted(path for part in PARTS for path in (project / part).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
