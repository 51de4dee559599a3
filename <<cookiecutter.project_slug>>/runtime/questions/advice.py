"""What `main.py --check` has found wrong, each with what to change."""

from collections.abc import Mapping
from dataclasses import dataclass

from runtime.questions.libraries import Libraries, Place
from runtime.questions.trial import Trial
from runtime.shared.plan import Plan

START = "the start"  # imports what the web does: it is named only where no pool is

type Key = tuple[tuple[str, ...], str]  # chain, text: as runtime.questions.probe gives them


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    what: str
    cure: str = ""


def advice(plan: Plan, trials: Mapping[str, Trial], places: list[Place], libraries: Libraries) -> list[Advice]:
    """One for each thing that is wrong, however many meet it. `trials` are those of the pools and of START."""
    by_name = {each.name: each for each in places}
    found = []
    for (chain, text), (refused, starts) in _problems(trials).items():
        who = ", ".join(starts)
        if chain:
            takes = next((by_name[name] for name in libraries.of(chain[-1:])), None)
            found.append(Advice(what=" ← ".join([who or START, *chain]), cure=_cure(plan, refused, takes)))
        else:
            found.append(Advice(what=f"{who}: {text}" if who else text))
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
