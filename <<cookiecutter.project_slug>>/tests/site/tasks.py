import ctypes
import itertools
import os
import re
import signal
import socket
import subprocess
import time
from concurrent import interpreters
from typing import Any, NoReturn

from django.db import connection
from django.tasks import TaskContext, task
from django.tasks.signals import task_finished

from runtime.interpreter import inside
from tasks import wait
from tests.site import gates
from tests.site.version import VERSION


@task
def which_interpreter() -> int:
    return interpreters.get_current().id


kept: list[object] = []


@task
def grow(objects: int) -> int:
    """Keep so many objects for good, and have them counted after this task; the interpreter."""
    inside.COUNT_EVERY = 0
    kept.extend([] for _ in range(objects))
    return interpreters.get_current().id


@task
def which_version(gate: str = "") -> str:
    """The code that runs it; at a gate if there is one."""
    if gate:
        gates.arrive_and_wait(gate)
    return VERSION


@task(takes_context=True)
def attempt(context: TaskContext, gate: str) -> int:
    """Its first attempt waits at a gate."""
    if context.attempt == 1:
        gates.arrive_and_wait(gate)
    return context.attempt


@task(on_lost="fail")
def once(gate: str) -> None:
    gates.arrive_and_wait(gate)


@task
def wait_at(gate: str) -> str:
    gates.arrive_and_wait(gate)
    return "through"


@task(takes_context=True)
def go_on(context: TaskContext, gate: str) -> list[int]:
    """Waits at a gate between its two checkpoints; the attempt, and from where it went on."""
    start = context.last_checkpoint or 0
    if not start:
        context.checkpoint(1)
        gates.arrive_and_wait(gate)
        context.checkpoint(2)
    return [context.attempt, start]


@task
def leave_a_mark(file: str, gate: str) -> str:
    """Each run adds a line to the file and waits at the gate."""
    with open(file, "a") as marks:
        marks.write("run\n")
    gates.arrive_and_wait(gate)
    return "through"


@task
def note(file: str, text: str) -> None:
    """Add a line to a file."""
    with open(file, "a") as notes:
        notes.write(f"{text}\n")


@task
def note_from_here(gate: str, file: str, queue_name: str) -> None:
    """Wait at a gate, then enqueue a note in memory."""
    gates.arrive_and_wait(gate)
    note.using(backend="memory", queue_name=queue_name).enqueue(file, "from a task")


@task
def batch_is_done(batch: str, successful: int, failed: int) -> list[Any]:
    return [batch, successful, failed]


@task
def add(one: int, other: int) -> int:
    return one + other


@task(max_attempts=3, backoff=0, takes_context=True)
def succeed_at(context: TaskContext, number: int) -> int:
    if context.attempt < number:
        raise ValueError(f"attempt {context.attempt}")
    return context.attempt


@task
def ask(queue_name: str, seconds: float) -> int:
    """Enqueue another task, and wait for it."""
    return wait(add.using(queue_name=queue_name).enqueue(1, 2), seconds).return_value


@task
def raise_error(name: str) -> None:
    raise {"SystemExit": SystemExit, "MemoryError": MemoryError, "KeyError": KeyError}[name]("as asked")


@task
def recurse(depth: int) -> Any:
    return recurse.func(depth + 1)


@task(timeout=0.3)
def endless_python() -> None:
    while True:
        pass


@task(timeout=0.3)
def endless_statement() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
        else:
            cursor.execute("SELECT pg_sleep(1000)")


@task
def read_from(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.recv(1)


@task(timeout=0.3)
def silent_peer(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.recv(1)


@task(timeout=0.3)
def silent_peer_with_timeout(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=1000) as peer:
        peer.recv(1)


@task
def hear_from(port: int) -> str:
    """Wait for one byte of a peer."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        return peer.recv(1).decode()


@task(timeout=0.3)
def slow_child() -> None:
    subprocess.run(["sleep", "1000"], check=True)


@task(timeout=0.3)
def sleep_in_c() -> None:
    time.sleep(1000)


@task(timeout=0.3)
def regular_expression() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")


@task
def endless() -> None:
    while True:
        pass


@task
def eat_objects() -> int:
    """Without end, in small pieces."""
    eaten = []
    while True:
        eaten.append({"number": len(eaten)})


@task
def eat_at_once() -> int:
    return len(bytearray(2**30))


@task
def eat_in_c() -> int:
    """In small pieces, within one call that no error from outside can end."""
    return len(list(itertools.count()))


@task
def eat_whatever_happens() -> None:
    """Its errors are its own business: it stays at the wall."""
    eaten = []
    while True:
        try:
            while True:
                eaten.append(bytes(1000))
        except MemoryError:
            pass


@task
def eat_slowly() -> int:
    """25 MB a second."""
    eaten = []
    while True:
        eaten.append(bytearray(500_000))
        time.sleep(0.02)


@task
def eat_and_hold(megabytes: int, gate: str) -> int:
    eaten = b"x" * (megabytes * 2**20)
    gates.arrive_and_wait(gate)
    return len(eaten)


@task
def leak(megabytes: int) -> None:
    """Keep so much for as long as the process lives, in no interpreter."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for _ in range(megabytes):
        ctypes.memset(libc.malloc(2**20), 1, 2**20)


@task
def break_the_worker() -> None:
    """Let the loop of this worker fail with its next task, after the claim."""
    from tasks.worker import loop

    def fail(*arguments: object) -> None:
        raise RuntimeError("as asked")

    loop.run_attempt = fail


def stand_still(*arguments: object, **named: object) -> NoReturn:
    """In C, for good."""
    time.sleep(10**6)
    raise AssertionError


@task
def hang_the_worker() -> None:
    """Let the loop of this worker stand still with its next task, after the claim and before the task."""
    from tasks.worker.gate import Gate

    Gate.enter = stand_still  # type: ignore[method-assign]


@task
def hang_who_listens(gate: str) -> None:
    """Let who is told that this task has finished stand still, and have little time."""
    from tasks.worker import attempt

    attempt.LONGEST_TOLD = 10**9
    task_finished.connect(stand_still)
    gates.arrive_and_wait(gate)


@task
def hang_the_housekeeper() -> None:
    """Let it stand still the next time somebody wants counts; and have little time for a round."""
    from tasks.house import keeper

    keeper.LONGEST_ROUND = 1
    keeper.count_queues = stand_still


@task
def kill_the_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task(limit=("narrow", 2))
def pass_through(file: str) -> None:
    """Leaves a mark on its way in and one on its way out, as other threads and nodes do in the same file."""
    with open(file, "a", buffering=1) as marks:
        marks.write("+\n")
        time.sleep(0.03)
        marks.write("-\n")


@task(limit=("narrow", 2))
def wait_in_line(gate: str) -> str:
    gates.arrive_and_wait(gate)
    return "through"


@task(unique=lambda gate: gate)
def wait_alone(gate: str) -> str:
    gates.arrive_and_wait(gate)
    return "through"
