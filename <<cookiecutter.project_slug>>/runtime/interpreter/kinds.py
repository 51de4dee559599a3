"""The kinds of interpreters, and how one is made and closed."""

import _interpreters
import sys
from concurrent import interpreters

from runtime.shared import heap


def create(kind: str) -> interpreters.Interpreter:
    """A new interpreter: `isolated` has a GIL of its own, `legacy` shares main's and loads what refuses isolation."""
    number = _interpreters.create(kind, reqrefs=True)  # type: ignore[arg-type]
    new = interpreters.Interpreter(number, _ownsref=True)
    new.prepare_main(path=tuple(sys.path))
    new.exec("import sys; sys.path[:] = path")
    return new


def close(interpreter: interpreters.Interpreter) -> None:
    """Close it, and return what it has freed to the system, which glibc does not do by itself.

    It keeps freed memory in up to eight arenas for each core, and a new thread uses any of them: one after the other
    they would grow to the size of an interpreter.
    """
    interpreter.close()
    heap.trim()
