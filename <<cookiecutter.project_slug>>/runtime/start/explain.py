"""Why something does not import in an interpreter: one line, with the project's modules that pull it in."""

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb
from types import FrameType

PROJECT = Path(__file__).resolve().parent.parent.parent

# What an extension module says that refuses an interpreter: CPython for isolated ones (where it names the module),
# Cython, NumPy and PyO3 for the second one that they meet.
REFUSAL = re.compile(
    r"module (\S+) does not support loading in subinterpreters|Interpreter change detected|PyO3 modules"
    r"|cannot load module more than once per process"
)
LIBRARIES = (sysconfig.get_path("stdlib"), "<frozen")
ASKING = ("runtime.", "tasks.discovery")  # they import what is being explained
CURE = (
    "Import it inside the function that needs it, in a task of a pool whose interpreters take it: "
    "`python main.py --check` says which."
)


def in_one_line(error: BaseException, *start: str) -> str:
    """What went wrong and what to change. `start` is who imports: a pool, or boot."""
    if is_refusal(error):
        return f"{' ← '.join([*start, *chain(error)])}: {refused(error)} refuses this kind of interpreter. {CURE}"
    ours = [(frame, line) for frame, line in walk_tb(error.__traceback__) if not (_is_library(frame) or _asks(frame))]
    if type(error).__name__ == "InvalidTask":  # tasks/ refuses it, and the mistake is where it is declared
        ours = [(frame, line) for frame, line in ours if not _module(frame).startswith("tasks.")] or ours
    places = [f"{frame.f_code.co_filename.removeprefix(f'{PROJECT}/')}, line {line}" for frame, line in ours]
    place = f" ({places[-1]})" if places and not isinstance(error, SyntaxError) else ""  # which names its own
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


def is_refusal(error: BaseException) -> bool:
    """Whether it is an extension module that refuses the interpreter, and not a mistake in the code."""
    return any(REFUSAL.search(str(cause)) for cause in _causes(error))


def refused(error: BaseException) -> str:
    """The extension module that refuses, or the library of it where it does not say its name."""
    found = [match[1] for cause in _causes(error) if (match := REFUSAL.search(str(cause)))]
    return next(filter(None, found), "") or chain(error)[-1]


def chain(error: BaseException) -> list[str]:
    """Who imports whom, down to what refuses: the project's modules by name, libraries by their package.

    A module of URLs that only leads to another module of the project is left out.
    """
    names: list[tuple[str, bool]] = []
    for frame in (frame for cause in _causes(error) for frame, _ in walk_tb(cause.__traceback__)):  # outermost first
        module, library = _module(frame), _is_library(frame)
        if _asks(frame) or (library and frame.f_code.co_name != "<module>"):  # not the machinery that imports
            continue
        link = (module.partition(".")[0], True) if library else (module, False)
        if link not in names:
            names.append(link)
    if (not names or not names[-1][1]) and (match := REFUSAL.search(str(error))) and match[1]:
        names.append((match[1].partition(".")[0], True))
    following = [*names[1:], ("", True)]
    return [name for (name, _), (_, last) in zip(names, following, strict=True) if last or not name.endswith(".urls")]


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _asks(frame: FrameType) -> bool:
    return _module(frame).startswith(ASKING)


def _is_library(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    return "site-packages" in path or "dist-packages" in path or path.startswith(LIBRARIES)
