"""The distributions that the project depends on, and the kind of interpreter that each of them loads in."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import PurePath

from runtime.questions.trial import Trial, try_out
from runtime.shared.plan import KINDS
from runtime.start.explain import PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """An installed distribution."""

    name: str
    version: str
    modules: tuple[str, ...]  # top-level ones
    extensions: tuple[str, ...]  # modules that are compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a library loads."""

    library: Library
    kind: str  # the first of KINDS that takes all of it; "" if none does
    without: tuple[str, ...]  # extension modules that refuse the kinds before that one
    trial: Trial  # in that kind, or in the last one
    error: str  # why it loads nowhere, or ""

    @property
    def name(self) -> str:
        return self.library.name


class Libraries:
    """What is installed, by distribution and by module. Reading it takes a tenth of a second."""

    def __init__(self) -> None:
        self.of_module = metadata.packages_distributions()
        self.modules: dict[str, set[str]] = {}
        for module, names in self.of_module.items():
            for name in names:
                self.modules.setdefault(_canonical(name), set()).add(module)

    def of(self, modules: Iterable[str]) -> set[str]:
        """The distributions that these top-level modules come from."""
        return {_canonical(name) for module in modules for name in self.of_module.get(module, [])}

    def get(self, name: str) -> Library:
        modules = tuple(sorted(module for module in self.modules[name] if module.isidentifier()))
        files = metadata.files(name) or []
        extensions = {module for file in files if (module := _extension(file)) and module.partition(".")[0] in modules}
        version = metadata.version(name)
        return Library(name=name, version=version, modules=modules, extensions=tuple(sorted(extensions)))

    def direct(self) -> set[str]:
        """Those that pyproject.toml asks for and that are installed."""
        path = PROJECT / "pyproject.toml"
        project = tomllib.loads(path.read_text())["project"] if path.exists() else {}
        asked = [re.match(r"[\w.-]+", requirement) for requirement in project.get("dependencies", [])]
        return {_canonical(name[0]) for name in asked if name} & self.modules.keys()


def place(library: Library) -> Place:
    """Try the kinds in their order."""
    without: list[str] = []
    for kind in KINDS:
        trial = try_out(kind, "runtime.questions.sandbox:load", library.modules, without or library.extensions)
        error = trial.error or trial.answer["error"]
        if not error and not trial.answer["refused"]:
            return Place(library=library, kind=kind, without=tuple(without), trial=trial, error="")
        without = without or trial.answer.get("refused", [])
    return Place(library=library, kind="", without=tuple(without), trial=trial, error=error)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _extension(file: PurePath) -> str:
    """The module that a file of a distribution holds, "" where it is no extension module."""
    suffix = next((suffix for suffix in EXTENSION_SUFFIXES if file.name.endswith(suffix)), None)
    parts = [*file.parts[:-1], file.name.removesuffix(suffix)] if suffix else []
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""
