"""Whose tasks a housekeeper takes back."""

import math

import pytest
from django.db import OperationalError

from runtime.interpreter import inside
from runtime.shared.board import Board
from runtime.shared.descriptors import Wakeups, take
from runtime.supervise.peers import lock_of
from tasks.house import nodes
from tasks.house.nodes import Nodes
from tasks.models import TaskRecord
from tasks.table import queue
from tests.runtime.make import make_assignment, make_plan
from tests.tasks.sample_tasks import never_twice, note

pytestmark = pytest.mark.django_db

QUEUES = ("default", "exports")


@pytest.fixture
def assignment(tmp_path, monkeypatch):
    """This test is the housekeeper of node/boot, which lives."""
    wakeups = Wakeups.make(QUEUES)
    assignment = make_assignment(make_plan(tmp_path, database_address="there is one"), wakeups)
    monkeypatch.setattr(inside, "current", assignment)
    monkeypatch.setattr(inside, "board", Board(QUEUES, 4))
    yield assignment
    wakeups.close()
    for descriptor in (assignment.stop, assignment.watch):
        nodes.wakeup.descriptors.os.close(descriptor)


@pytest.fixture
def alive(monkeypatch):
    """The numbers of the boots that are alive."""
    locks = {lock_of("node/boot")}
    monkeypatch.setattr(nodes, "held_locks", lambda: locks)
    return locks


@pytest.fixture
def claimed(assignment):
    """A task that another boot has claimed."""
    note.enqueue()
    take(assignment.wakeups.queues["default"])  # of the enqueueing
    return queue.claim("default", "other/boot/default-1/0")


def status():
    return TaskRecord.objects.get().status


def test_who_is_missed_twice_in_a_row_loses_its_tasks(assignment, alive, claimed):
    found = Nodes(assignment)
    found.look()
    assert status() == "RUNNING"
    found.look()

    record = TaskRecord.objects.get()
    assert (record.status, record.deaths, record.attempt) == ("READY", 1, 1)
    assert inside.board.outcomes("default")["lost"] == 1
    assert take(assignment.wakeups.queues["default"])
    assert queue.succeed(claimed, None) is False


def test_who_is_back_in_between_keeps_its_tasks(assignment, alive, claimed):
    found = Nodes(assignment)
    for is_back in (False, True, False, True):
        (alive.add if is_back else alive.discard)(lock_of("other/boot"))
        found.look()

    assert status() == "RUNNING"


def test_a_look_that_fails_counts_for_nothing(assignment, alive, claimed, monkeypatch):
    def fail():
        raise OperationalError("it is away")

    found = Nodes(assignment)
    found.look()
    with monkeypatch.context() as patch:
        patch.setattr(nodes, "held_locks", fail)
        with pytest.raises(OperationalError):
            found.look()
    found.look()
    assert status() == "RUNNING"
    found.look()

    assert status() == "READY"


def test_what_this_boot_runs_is_left_alone_even_without_its_lock(assignment, alive):
    alive.clear()
    note.enqueue()
    queue.claim("default", assignment.claim)
    found = Nodes(assignment)
    found.look()
    found.look()

    assert status() == "RUNNING"


def test_what_must_not_run_twice_has_failed(assignment, alive):
    never_twice.enqueue()
    queue.claim("default", "other/boot/default-1/0")
    found = Nodes(assignment)
    found.look()
    found.look()

    assert status() == "FAILED"


def test_a_task_of_a_queue_that_the_settings_have_lost_is_freed_too(assignment, alive, claimed):
    TaskRecord.objects.update(queue="lost")
    found = Nodes(assignment)
    found.look()
    found.look()

    assert status() == "READY"


def test_who_is_alone_looks_no_more_until_another_announces_itself(assignment, alive):
    found = Nodes(assignment)
    found.look()
    assert found.next_look == math.inf

    found.ask()
    alive.add(lock_of("other/boot"))
    assert found.next_look < math.inf
    found.look()
    assert found.next_look < math.inf


def test_who_is_alone_with_the_tasks_of_a_dead_one_looks_again(assignment, alive, claimed):
    found = Nodes(assignment)
    found.look()
    assert found.next_look < math.inf


def test_with_sqlite_nobody_ever_looks(assignment, tmp_path):
    alone = make_assignment(make_plan(tmp_path), assignment.wakeups)
    for descriptor in (alone.stop, alone.watch):
        nodes.wakeup.descriptors.os.close(descriptor)

    found = Nodes(alone)
    found.ask()
    assert found.next_look == math.inf
