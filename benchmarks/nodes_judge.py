"""What must hold of what was written down (nodes_audit.py). Each returns its problems, and prints its figures."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from benchmarks.nodes_audit import Change, Tick

SECOND = timedelta(seconds=1)  # between two ticks of each schedule
LATEST = 5.0  # seconds that a busy machine may keep a tick waiting; a wake-up that is lost would take 30

type Outage = tuple[datetime, datetime]  # no node was alive, or nothing could be written


def judge_limits(changes: Sequence[Change]) -> list[str]:
    """At no instant more RUNNING than the key's number."""
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    problems = []
    for change in changes:
        if (key := change.limit_key) is None or change.limit_number is None:
            continue
        running[key] += (change.now == "RUNNING") - (change.was == "RUNNING")
        most[key] = max(most[key], running[key])
        if running[key] > change.limit_number:
            problems.append(f"{change.at} {key}: {running[key]} run")
    print(f"limits: most at once by key: {dict(most)}")
    return problems


def judge_unique(changes: Sequence[Change]) -> list[str]:
    """At no instant two that have not ended with the same key."""
    alive: Counter[str] = Counter()
    inserted = 0
    problems = []
    for change in changes:
        if (key := change.unique_key) is None:
            continue
        inserted += change.was is None
        alive[key] += (change.was is None) - (change.now in ("SUCCESSFUL", "FAILED"))
        if alive[key] > 1:
            problems.append(f"{change.at} unique {key}: {alive[key]} at once")
    print(f"unique: {len(alive)} keys, {inserted} tasks")
    return problems


def judge_ends(changes: Sequence[Change], given: Iterable[str]) -> list[str]:
    """Whatever enqueue() has returned is there, and everything has ended well, once."""
    states: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        states[str(change.id)].append(change.now)
    problems = [f"{task} is gone" for task in set(given) - states.keys()]
    problems += [f"{task}: {found}" for task, found in states.items() if found[-1] != "SUCCESSFUL"]
    problems += [f"{task} ended twice" for task, found in states.items() if found.count("SUCCESSFUL") != 1]
    again = sum(found.count("RUNNING") > 1 for found in states.values())
    print(f"tasks: {len(states)}, of which a kill interrupted {again}")
    return problems


def judge_ticks(ticks: Sequence[Tick], changes: Sequence[Change], outages: Sequence[Outage]) -> list[str]:
    """Each due time taken once, with one task, and soon while there is a node; what is due meanwhile is left out."""
    enqueued = Counter((change.transaction, change.task) for change in changes if change.was is None)
    problems: list[str] = []
    late: list[float] = []
    away = busy = 0  # ticks left out
    for tick in ticks:
        if tick.following is None:  # the end of the benchmark
            continue
        if (number := _enqueued_with(tick, enqueued)) != 1:
            problems.append(f"{tick}: {number} tasks")
        left_out = round((tick.following - tick.due) / SECOND) - 1
        if any(begin < tick.at and tick.due < end + SECOND for begin, end in outages):
            away += left_out
        else:
            busy += left_out
            late.append((tick.at - tick.due).total_seconds())
            problems += [f"{tick}: {late[-1]} s late"] if late[-1] > LATEST else []
    problems += _judge_order(ticks)
    taken = sum(tick.following is not None for tick in ticks)
    total = sum(number for (_, task), number in enqueued.items() if ".tick_" in task)
    if total != taken:
        problems.append(f"{total} tasks of {taken} ticks")
    late.sort()
    print(f"ticks: {taken} taken; late by p50 {late[len(late) // 2]:.3f} s, at most {late[-1]:.3f} s; left out: "
          f"{away} while no node lived or nothing could be written, {busy} by a tick that came late")  # fmt: skip
    return problems


def _judge_order(ticks: Sequence[Tick]) -> list[str]:
    by_name: dict[str, list[Tick]] = defaultdict(list)
    for tick in ticks:
        by_name[tick.name].append(tick)
    problems = [
        f"{later} does not follow {tick}"
        for taken in by_name.values()
        for tick, later in pairwise(taken)
        if tick.following != later.due
    ]
    twice = [key for key, number in Counter((tick.name, tick.due) for tick in ticks).items() if number > 1]
    return problems + [f"twice: {name} {due}" for name, due in twice]


def _enqueued_with(tick: Tick, enqueued: Counter[tuple[int, str]]) -> int:
    return enqueued[tick.transaction, f"benchmarks.nodes_site.tasks.{tick.name}"]
