"""`main.py --check`: try the interpreters of each pool and the libraries, say what loads where and what to change."""

import os
import sys
import textwrap
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from runtime.advice import START, Advice, advice
from runtime.libraries import Libraries, Place, place
from runtime.plan import KINDS, Plan, WebPool, WorkerPool
from runtime.trial import Trial, try_out

WIDTH = 80


def check(plan: Plan) -> int:
    """Print what loads where; returns the exit code, 1 where something would not run."""
    with ThreadPoolExecutor(os.process_cpu_count()) as executor:
        start = executor.submit(try_out, plan.web.interpreter, "runtime.inside:call", "runtime.probe:start")
        pools = {pool.name: executor.submit(_try_pool, pool) for pool in plan.pools}
        libraries = Libraries()
        trials = {name: trial.result() for name, trial in pools.items()}
        names = libraries.direct() | libraries.of(_modules(trials.values()))
        places = list(executor.map(place, [libraries.get(name) for name in sorted(names)]))
    _show_pools(plan, trials)
    _show_libraries(libraries, places, trials)
    _show_database(start.result().answer.get("database", []))
    found = advice(plan, {START: start.result()} | trials, places, libraries)
    _show_advice(found, plan.problems)
    return 1 if found else 0


def _try_pool(pool: WebPool | WorkerPool) -> Trial:
    loaded = "runtime.probe:web" if isinstance(pool, WebPool) else "runtime.probe:tasks"
    return try_out(pool.interpreter, "runtime.inside:call", loaded)


def _modules(trials: Iterable[Trial]) -> set[str]:
    """Packages that the pools import, and those at which they fail."""
    answers = [trial.answer for trial in trials if trial.answer]
    imported = {module for answer in answers for module in answer["imported"]}
    return imported | {link for answer in answers for problem in answer["problems"] for link in problem["chain"]}


def _show_pools(plan: Plan, trials: Mapping[str, Trial]) -> None:
    print(f"{'pool':<12}{'interpreter':<13}{'CPU ms':>8}{'MB':>7}{'modules':>9}")
    for pool in plan.pools:
        trial = trials[pool.name]
        cost = f"{trial.milliseconds:>8.0f}{trial.megabytes:>7.1f}{trial.answer.get('modules', 0):>9}"
        verdict = "does not load" if trial.error or trial.answer["problems"] else "loads"
        print(f"{pool.name:<12}{pool.interpreter:<13}{cost}  {verdict}")


def _show_libraries(libraries: Libraries, places: list[Place], trials: Mapping[str, Trial]) -> None:
    main = libraries.of(sys.modules)
    uses = {pool: libraries.of(trial.answer.get("imported", [])) for pool, trial in trials.items()}
    _show("", f"{'library':<25}{'CPU ms':>8}{'MB':>7}  {'loads in':<10}imported by")
    for each in places:
        users = [pool for pool, used in uses.items() if each.name in used]
        users = ["every pool"] if len(users) == len(trials) else users
        by = ", ".join(["the server", *users] if each.name in main else users) or "-"
        cost = f"{each.trial.milliseconds:>8.0f}{each.trial.megabytes:>7.1f}"
        _show(f"{f'{each.name} {each.library.version}':<25}{cost}  {each.kind or 'none':<10}{by}", indent=52)
        if each.without:
            refusing = KINDS[: KINDS.index(each.kind)] if each.kind else KINDS
            _show(f"    refused by {', '.join(refusing)}: {_some(each.without)}", indent=6)
        if each.error:
            _show(f"    {each.error}", indent=6)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _show_database(lines: list[str]) -> None:
    if lines:
        print("\ndatabase    " + f"\n{' ' * 12}".join(lines))


def _show_advice(found: list[Advice], warnings: tuple[str, ...]) -> None:
    if found:
        _show("", "to change")
    for each in found:
        _show(f"  {each.what}", indent=6)
        if each.cure:
            _show(f"      {each.cure}", indent=6)
    if warnings:
        _show("", *(f"warning: {warning}" for warning in warnings), indent=2)


def _show(*lines: str, indent: int = 0) -> None:
    """Print lines, each broken at spaces where it is wider than a terminal."""
    for line in lines:
        print(textwrap.fill(line, WIDTH, subsequent_indent=" " * indent, break_long_words=False))
