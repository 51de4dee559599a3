"""Who may import whom, read from the source: what is imported where a module begins, not within its functions."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PACKAGES = ("runtime", "tasks", "samples", "ops", "accounts", "config")


def modules():
    paths = [PROJECT / "main.py", *(path for name in PACKAGES for path in (PROJECT / name).rglob("*.py"))]
    return {name_of(path): path for path in paths}


def name_of(path):
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def statements(body):
    """Those that run when a module is imported."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            continue
        yield statement
        for inner in ("body", "orelse", "handlers", "finalbody"):
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from statements(getattr(statement, inner, []))


def imports(path, known):
    found = set()
    for statement in statements(ast.parse(path.read_text()).body):
        if isinstance(statement, ast.Import):
            found |= {name.name for name in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            inner = {f"{statement.module}.{name.name}" for name in statement.names}
            found |= (inner & known) or {statement.module}
            if not inner <= known:
                found.add(statement.module)
    return found


@pytest.fixture(scope="module")
def graph():
    known = modules()
    return {name: imports(path, set(known)) for name, path in known.items()}


def reached(graph, start):
    found, left = set(), [start]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += graph.get(name, ())
    return found


def test_there_is_no_circle(graph):
    own = {name: {other for other in found if other in graph and other != name} for name, found in graph.items()}
    assert len(own) > 100
    order = list(TopologicalSorter(own).static_order())  # raises CycleError
    assert order.index("runtime.shared.board") < order.index("runtime.supervise.supervisor")


def test_main_imports_no_django_and_nothing_of_the_apps(graph):
    found = reached(graph, "main")
    assert "runtime.supervise.supervisor" in found
    assert not {name for name in found if name.partition(".")[0] in ("django", *PACKAGES[1:])}


# Which packages of the project each may import. The server knows of tasks by names alone: "tasks.worker.loop:run".
MAY_IMPORT = {
    "runtime": set(),
    "tasks": {"runtime", "accounts"},  # tasks/json_views.py: who may ask
    "accounts": {"runtime", "tasks"},
    "samples": {"runtime", "tasks", "accounts"},
    "ops": {"runtime", "tasks", "accounts"},
}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_those_below_it_alone(graph, package):
    names = {other for name, found in graph.items() if name.partition(".")[0] == package for other in found}
    others = {name.partition(".")[0] for name in names} & set(PACKAGES) - {package}

    assert others <= MAY_IMPORT[package]


# The packages within them, the lowest first: each imports those before it alone.
LAYERS = {
    "runtime": (
        "shared", "interpreter", "http", "memory_limit", "web", "start", "observe", "supervise", "questions",
    ),
    "tasks": ("table", "records", "house", "worker", "staff"),
}  # fmt: skip


@pytest.mark.parametrize("package", LAYERS)
def test_a_layer_imports_those_below_it_alone(graph, package):
    layers = LAYERS[package]
    for name, found in graph.items():
        own = name.split(".")[1] if name.startswith(f"{package}.") else ""
        if own in layers:
            others = {other.split(".")[1] for other in found if other.startswith(f"{package}.")} & set(layers)
            assert others <= set(layers[: layers.index(own) + 1]), name
