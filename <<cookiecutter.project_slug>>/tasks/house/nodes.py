"""Nodes that died: the housekeepers of the others take their tasks back. Only with PostgreSQL.

A node lives while some session holds the advisory lock of its boot (runtime/supervise/peers.py). A living node whose
connection broke has it again after some seconds, so only a boot that is missed at two looks in a row is dead. Who is
alone looks no more, until the next node announces itself (runtime/supervise/peers.py).
"""

import logging
import math
import time

from django.db import connection

from runtime.interpreter import inside
from runtime.interpreter.inside import Assignment
from runtime.shared.log import event
from runtime.supervise.peers import lock_of
from tasks.models import TaskRecord
from tasks.table import recovery, wakeup
from tasks.table.queue import RUNNING

LOOK_EVERY = 10.0  # seconds: 7 until PostgreSQL notices that a machine is gone, and two looks, are less than 30

ADVISORY_LOCKS = "SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"


class Nodes:
    """What the housekeeper of one node knows of the others."""

    def __init__(self, assignment: Assignment) -> None:
        self.boot = assignment.boot
        self.can_have_others = bool(assignment.plan.database_address)
        self.missing: set[str] = set()  # boots without their lock at the last look
        self.next_look = time.monotonic() + LOOK_EVERY if self.can_have_others else math.inf

    def ask(self) -> None:
        """Somebody has announced something: it may be another node."""
        if self.can_have_others:
            self.next_look = min(self.next_look, time.monotonic() + LOOK_EVERY)

    def look(self) -> None:
        """Take back the tasks of every boot that was missing at the last look and still is."""
        self.next_look = time.monotonic() + LOOK_EVERY
        missing_before, self.missing = self.missing, set()  # a look that fails counts for nothing
        boots, locks = boots_with_tasks(self.boot), held_locks()
        missing = {boot for boot in boots if lock_of(boot) not in locks}
        for boot in missing & missing_before:
            take_back(boot)
        self.missing = missing - missing_before
        if not boots and locks <= {lock_of(self.boot)}:
            self.next_look = math.inf


def boots_with_tasks(own: str) -> set[str]:
    """Other boots that hold tasks."""
    claims = TaskRecord.objects.filter(status=RUNNING).exclude(claim__startswith=f"{own}/").order_by()
    return {claim.rsplit("/", 2)[0] for claim in claims.values_list("claim", flat=True).distinct() if claim}


def held_locks() -> set[int]:
    """Those of living boots, and whatever else is locked. To read the locks disturbs nobody; to try them could."""
    with connection.cursor() as cursor:
        cursor.execute(ADVISORY_LOCKS)
        return {high * 2**32 + low for high, low in cursor.fetchall()}


def take_back(boot: str) -> None:
    """Free what a dead boot held, for the workers of all nodes, and count it as lost."""
    assert inside.board is not None
    for queue, number in recovery.take_back(boot).items():
        event("tasks_taken_back", logging.WARNING, boot=boot, queue=queue, number=number)
        if queue in inside.board.queues:  # not one that the settings have lost since
            inside.board.count_outcome(inside.board.housekeeper_seat, queue, "lost", number=number)
            wakeup.wake(queue, number)
        wakeup.announce(queue, number)
