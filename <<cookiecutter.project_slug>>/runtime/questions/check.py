"""`main.py --check`: try the interpreters of each pool and the libraries, say what loads where and what to change."""

import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from runtime.questions.libraries import Libraries, Place, place
from runtime.questions.trial import Trial, try_out
from runtime.shared.plan import KINDS, Plan, WebPool, WorkerPool

WIDTH = 80
CALL = "runtime.interpreter.inside:call"
START = "the start"  # imports what the web does: it is named only where no pool is

type Key = tuple[tuple[str, ...], str]  # chain, text: as runtime.questions.probe gives them


def check(plan: Plan) -> int:
    """Print what loads where; returns the exit code, 1 where something would not run."""
    with ThreadPoolExecutor(os.process_cpu_count()) as executor:
        start = executor.submit(try_out, plan.web.interpreter, CALL, "runtime.questions.probe:start")
        tried = {loaded: executor.submit(try_out, *loaded) for loaded in dict.fromkeys(map(_loaded, plan.pools))}
        libraries = Libraries()
        placed = {name: executor.submit(place, libraries.get(name)) for name in sorted(libraries.direct())}
        trials = {pool.name: tried[_loaded(pool)].result() for pool in plan.pools}
        for name in libraries.of(_modules(trials.values())) - placed.keys():
            placed[name] = executor.submit(place, libraries.get(name))
        places = [placed[name].result() for name in sorted(placed)]
    found = _wrong(plan, {START: start.result()} | trials, places, libraries)
    parts = [
        _pools(plan, trials), _libraries(libraries, places, trials),
        _database(start.result().answer.get("database", [])), _to_change(found, plan.problems),
    ]  # fmt: skip
    print("\n\n".join("\n".join(lines) for part in parts if (lines := list(part))))  # at once: `| head` breaks no print
    return 1 if found else 0


def _loaded(pool: WebPool | WorkerPool) -> tuple[str, str, str]:
    """The kind of interpreter, and what is imported there: every worker of a kind imports the same."""
    return pool.interpreter, CALL, f"runtime.questions.probe:{'web' if isinstance(pool, WebPool) else 'tasks'}"


def _modules(trials: Iterable[Trial]) -> set[str]:
    """Packages that the pools import, and those at which they fail."""
    answers = [trial.answer for trial in trials if trial.answer]
    imported = {module for answer in answers for module in answer["imported"]}
    return imported | {link for answer in answers for problem in answer["problems"] for link in problem["chain"]}


def _pools(plan: Plan, trials: Mapping[str, Trial]) -> Iterator[str]:
    yield f"{'pool':<12}{'interpreter':<13}{'CPU ms':>8}{'MB':>7}{'modules':>9}"
    for pool in plan.pools:
        trial = trials[pool.name]
        cost = f"{trial.milliseconds:>8.0f}{trial.megabytes:>7.1f}{trial.answer.get('modules', 0):>9}"
        verdict = "does not load" if trial.error or trial.answer["problems"] else "loads"
        yield f"{pool.name:<12}{pool.interpreter:<13}{cost}  {verdict}"


def _libraries(libraries: Libraries, places: list[Place], trials: Mapping[str, Trial]) -> Iterator[str]:
    main = libraries.of(sys.modules)
    uses = {pool: libraries.of(trial.answer.get("imported", [])) for pool, trial in trials.items()}
    yield f"{'library':<25}{'CPU ms':>8}{'MB':>7}  {'loads in':<10}imported by"
    for each in places:
        users = [pool for pool, used in uses.items() if each.name in used]
        users = ["every pool"] if len(users) == len(trials) else users
        by = ", ".join(["the server", *users] if each.name in main else users) or "-"
        cost = f"{each.trial.milliseconds:>8.0f}{each.trial.megabytes:>7.1f}"
        yield _folded(f"{f'{each.name} {each.library.version}':<25}{cost}  {each.kind or 'none':<10}{by}", indent=52)
        if each.without:
            refusing = KINDS[: KINDS.index(each.kind)] if each.kind else KINDS
            yield _folded(f"    refused by {', '.join(refusing)}: {_some(each.without)}", indent=6)
        if each.error:
            yield _folded(f"    {each.error}", indent=6)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _database(in_force: list[str]) -> Iterator[str]:
    for number, line in enumerate(in_force):
        yield f"{'' if number else 'database':<12}{line}"


def _to_change(found: list[tuple[str, str]], warnings: tuple[str, ...]) -> Iterator[str]:
    if found or warnings:
        yield "to change"
    for what, cure in found:
        yield _folded(f"  {what}", indent=6)
        if cure:
            yield _folded(f"      {cure}", indent=6)
    for warning in warnings:
        yield _folded(f"  {warning}", indent=6)


def _folded(line: str, indent: int) -> str:
    """Broken at spaces where it is wider than a terminal."""
    return textwrap.fill(line, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _wrong(plan: Plan, trials: Mapping[str, Trial], places: list[Place], libraries: Libraries) -> list[tuple[str, str]]:
    """Each thing that is wrong, once, and what to change. `trials` are those of the pools and of START."""
    by_name = {each.name: each for each in places}
    found = []
    for (chain, text), (refused, starts) in _problems(trials).items():
        who = ", ".join(starts)
        if chain:
            takes = next((by_name[name] for name in libraries.of(chain[-1:])), None)
            found.append((" ← ".join([who or START, *chain]), _cure(plan, refused, takes)))
        else:
            found.append((f"{who}: {text}" if who else text, ""))
    return found


def _problems(trials: Mapping[str, Trial]) -> dict[Key, tuple[str, list[str]]]:
    """Each with the module that refuses and the pools that meet it."""
    found: dict[Key, tuple[str, list[str]]] = {}
    for name, trial in trials.items():
        failed = [{"chain": [], "refused": "", "text": trial.error}] if trial.error else []
        for problem in failed + trial.answer.get("problems", []):
            key = (tuple(problem["chain"]), problem["text"])
            found.setdefault(key, (problem["refused"], []))[1].append(name)
    return {key: (refused, [name for name in names if name != START]) for key, (refused, names) in found.items()}


def _cure(plan: Plan, refused: str, takes: Place | None) -> str:
    """Which pool takes what a library refuses here."""
    if takes is None or takes.kind in ("", "isolated"):
        return f'{refused} refuses this kind of interpreter: import it inside a task of a "legacy" or "main" pool.'
    why = f"{refused} loads only in an interpreter of the kind {takes.kind}."
    pool = next((pool for pool in plan.workers if pool.interpreter == takes.kind), None)
    if pool is None:
        how = f'Give a pool of INTERPRETERS "interpreter": "{takes.kind}", and import it inside a task of that pool.'
    else:
        how = f'The pool {pool.name} takes it: import it inside a task with queue_name="{pool.queues[0]}".'
    return f"{why} {how}"
