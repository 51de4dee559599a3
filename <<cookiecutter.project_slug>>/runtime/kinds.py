"""The kinds of interpreters, and how one is made."""

import _interpreters
import sys
from concurrent import interpreters


def create(kind: str) -> interpreters.Interpreter:
    """A new interpreter: `isolated` has a GIL of its own, `legacy` shares main's and loads what refuses isolation."""
    number = _interpreters.create(kind, reqrefs=True)  # type: ignore[arg-type]
    new = interpreters.Interpreter(number, _ownsref=True)
    new.prepare_main(path=tuple(sys.path))
    new.exec("import sys; sys.path[:] = path")
    return new
