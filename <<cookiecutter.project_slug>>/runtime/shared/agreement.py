"""What main and the interpreters must agree about: the layout of the board, the frames, what an interpreter is told.

Main keeps the code that it was started with, an interpreter reads what is on disk when it starts. Where these files
have changed since, the two would read each other wrongly.
"""

import hashlib
from pathlib import Path

RUNTIME = Path(__file__).parent.parent
CHANGED = "runtime/shared or runtime/interpreter has changed on disk, which takes a restart of the server."


def fingerprint(folder: Path = RUNTIME) -> str:
    """Of the files that both sides read."""
    digest = hashlib.sha256()
    for path in sorted([*(folder / "shared").glob("*.py"), *(folder / "interpreter").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
