"""Where the time of a task goes: one worker's loop in this process, no-op tasks, without the server.

    python -m benchmarks.parts [TASKS [profile]]     5,000 tasks; with `profile`: cProfile's own table instead
    python -m benchmarks.parts TASKS bill            what the bill costs: every other task, by chance, is without it

Prints microseconds of CPU time per task (so that a busy machine matters less) of each part, which may hold another, and
of the same two statements with nothing but Python's sqlite3, each with its commit.
"""

import cProfile
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.server import PROJECT, environment

spent: defaultdict[str, float] = defaultdict(float)


def timed(owner: Any, name: str, label: str) -> None:
    """Replace a function by one that notes how long it took."""
    function: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        started = time.thread_time()
        try:
            return function(*args, **options)
        finally:
            spent[label] += time.thread_time() - started

    setattr(owner, name, wrapped)


def set_up(folder: Path) -> None:
    os.environ.update(environment(folder, LOG_FORMAT="text"))
    os.chdir(PROJECT)
    sys.path.insert(0, str(PROJECT))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def enqueue(number: int) -> None:
    from django.tasks import task_backends

    from benchmarks.site.tasks import nothing

    task_backends["default"].enqueue_many(nothing, [((), {})] * number)


def loop() -> Callable[[], None]:
    """What tasks.worker.loop does for each task, until there is none."""
    from django.conf import settings
    from runtime.interpreter.inside import Assignment, Seat
    from runtime.interpreter.watchdog import Watchdog
    from runtime.shared.board import Board
    from runtime.shared.descriptors import Wakeups, event, signal
    from runtime.shared.plan import Plan, parse_interpreters
    from tasks.worker import loop as worker
    from tasks.worker.waiting import Waiting

    queues = tuple(settings.TASKS["default"]["QUEUES"])
    web, pools, _ = parse_interpreters(settings.INTERPRETERS, queues)
    pool = next(pool for pool in pools if "default" in pool.queues)
    plan = Plan(
        base_dir="", data_dir="", debug=False, database="sqlite", host="", port=0, roles=(), shutdown_timeout=0,
        memory_limit=0, max_request_body=0, trusted_proxies=(), log_format="text", queues=queues, web=web,
        workers=pools, database_address="",
    )  # fmt: skip
    wakeups = Wakeups.make(queues, seats=1)
    assignment = Assignment(
        name="default-1", pool="default", kind="isolated", target="", boot="node/boot", generation=0, seats=(0,),
        board_seats=1, wakeups=wakeups, stop=event(), watch=event(), sockets=(), waiting_room=-1, housekeeper=False,
        plan=plan, fingerprint="",
    )  # fmt: skip
    seat = Seat(assignment, Board(queues, 3), 0)
    watchdog = Watchdog(assignment.watch, threads=1)
    watchdog.start()
    guard = partial(worker.guard, watchdog, seat, pool.timeout)
    waiting = Waiting(seat, pool, guard)

    def run() -> None:
        signal(wakeups.queues["default"], 1_000_000)
        waiting.wait = lambda: signal(assignment.stop)  # type: ignore[method-assign]
        worker._claim_and_run(seat, waiting)
        watchdog.leave()

    return run


def time_the_parts() -> None:
    from django.tasks.signals import task_finished, task_started
    from runtime.interpreter.inside import Seat
    from runtime.shared import descriptors
    from tasks.table import queue
    from tasks.worker import attempt
    from tasks.worker import loop as worker
    from tasks.worker.gate import Gate

    timed(queue, "execute", "SQLite: execute, with the commit of the finish")
    timed(queue, "claim", "claim")
    timed(queue, "succeed", "finish")
    timed(queue, "read", "in claim: the row made a ClaimedTask")
    timed(attempt, "as_result", "Django's TaskResult")
    timed(task_started, "send", "signal task_started")
    timed(task_finished, "send", "signal task_finished")
    timed(attempt.Attempt, "_call", "call (with all that is around the function)")
    timed(attempt, "leave_no_transaction_open", "in call: look after connections")
    timed(attempt.Attempt, "run", "attempt: call and finish")
    timed(Seat, "must_leave", "ask whether to leave")
    timed(Gate, "enter", "the gate")
    timed(worker, "report_threads", "look for threads that are left")
    timed(descriptors, "take", "take the signal")


def time_the_bill(number: int) -> None:
    """Task by task, so that both kinds have the same of whatever else the machine does."""
    from tasks.records import log_lines
    from tasks.worker import attempt
    from tasks.worker import loop as worker

    class NoMeter(attempt.Meter):
        def start(self) -> None: ...
        def stop(self) -> None: ...

    log_lines.listen()
    run_attempt, kinds = worker.run_attempt, (NoMeter, attempt.Meter)
    times: dict[type, list[float]] = {kind: [] for kind in kinds}
    last = [time.thread_time()]

    def timed_attempt(*arguments: Any) -> None:
        run_attempt(*arguments)
        times[attempt.Meter].append((time.thread_time() - last[0]) * 1e6)
        attempt.Meter = random.choice(kinds)  # type: ignore[misc]
        last[0] = time.thread_time()

    worker.run_attempt = timed_attempt
    enqueue(number)
    loop()()
    for kind in kinds:
        tenth, quarter, half = (sorted(times[kind])[int(len(times[kind]) * share)] for share in (0.1, 0.25, 0.5))
        print(f"{kind.__name__:8} µs a task: tenth {tenth:.1f}, quarter {quarter:.1f}, median {half:.1f}")


def bare(folder: Path, number: int) -> float:
    """The same statements on the same table; microseconds a task."""
    from django.db import connection
    from django.utils import timezone
    from tasks.table.statements import CLAIM, SUCCEED

    enqueue(number)
    connection.close()
    with sqlite3.connect(folder / "db.sqlite3", autocommit=True) as database:
        database.execute("PRAGMA synchronous=normal")
        now = str(timezone.now())
        started = time.thread_time()
        while row := database.execute(CLAIM, ["bare", now, now, "default", "default"]).fetchone():
            database.execute(SUCCEED, ["null", "null", now, row[0], "bare"])
        return (time.thread_time() - started) / number * 1e6


def main(number: int = 5000, kind: str = "parts") -> None:
    with tempfile.TemporaryDirectory() as folder:
        set_up(Path(folder))
        if kind == "bill":
            return time_the_bill(number)
        for timing in (False, True):
            enqueue(number)
            if timing and kind == "parts":
                time_the_parts()
            run = loop()
            profile = cProfile.Profile()
            if timing and kind == "profile":
                profile.enable()
            started = time.thread_time()
            run()
            each = (time.thread_time() - started) / number * 1e6
            profile.disable()
            print(f"{each:7.1f} µs a task, {1e6 / each:,.0f} a second, " + (f"with {kind}" if timing else "as it is"))
        if kind == "profile":
            profile.print_stats("tottime")
        for label, seconds in sorted(spent.items(), key=lambda item: -item[1]):
            print(f"{seconds / number * 1e6:7.1f} µs  {label}")
        print(f"{bare(Path(folder), number):7.1f} µs  the two statements with nothing but sqlite3")


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["5000"])[0]), *sys.argv[2:3])
