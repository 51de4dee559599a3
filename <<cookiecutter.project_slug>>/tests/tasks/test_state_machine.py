"""Random sequences of what can happen to tasks, against a model in plain Python."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import tasks
from tasks import control, queues
from tasks.models import BatchRecord, PausedQueue, TaskRecord
from tasks.table import queue
from tasks.table.chains import HELD_BY_CHAIN
from tasks.table.limits import HELD_BY_LIMIT
from tasks.table.recovery import MOST_DEATHS, recover, release
from tests.tasks.sample_tasks import never_twice, note, only_one, report, send

pytestmark = pytest.mark.django_db(transaction=True)

PLACES = send.limit[1]
FREE, LATER, IN_LINE, BEHIND = None, "later", "in line", "behind another"
HELD = {HELD_BY_LIMIT: IN_LINE, HELD_BY_CHAIN: BEHIND, None: FREE}


@dataclass
class Row:
    """What the model knows of a task."""

    status: str = "READY"
    attempts: int = 0  # begun
    deaths: int = 0
    held: str | None = FREE
    priority: int = 0
    fail_if_lost: bool = False
    unique: bool = False
    limited: bool = False
    chain: int = 0
    pruned: bool = False

    @property
    def is_unfinished(self):
        return self.status in ("READY", "RUNNING")

    @property
    def shown(self):
        return self.status, self.attempts, self.deaths, self.held if self.is_unfinished else None

    def put_back(self):
        self.status, self.held = "READY", BEHIND if self.chain else IN_LINE if self.limited else FREE


def some_run(machine):
    return machine.held


class Tasks(RuleBasedStateMachine):
    """The model: a row for each task, by id; who was claimed in this boot and before; the batches.

    Of these the ids of their tasks, and what the callback is called with once it is there.
    """

    def __init__(self):
        super().__init__()
        for model in (TaskRecord, BatchRecord, PausedQueue):
            model.objects.all().delete()
        self.model = {}
        self.batches = {}
        self.done = {}
        self.paused = False
        self.held = []
        self.stale = []
        self.boot = 0
        self.chains = 0

    def find(self, condition):
        return [key for key in sorted(self.model) if condition(self.model[key])]

    def settle(self):
        """What follows by itself: chains go on or break, places are given."""
        for chain in range(1, self.chains + 1):
            rows = (self.model[key] for key in sorted(self.model))
            left = [row for row in rows if row.chain == chain and row.status != "SUCCESSFUL"]
            if any(row.status == "FAILED" for row in left):
                for row in left[[row.status for row in left].index("FAILED") :]:
                    row.status = "FAILED"
            if left and left[0].held == BEHIND:
                left[0].held = IN_LINE if left[0].limited else FREE
        line = self.find(lambda row: row.status == "READY" and row.held == IN_LINE)
        line.sort(key=lambda key: (-self.model[key].priority, key))
        for key in line[: PLACES - len(self.find(lambda row: row.limited and row.is_unfinished and row.held is FREE))]:
            self.model[key].held = FREE

    def note_which_batches_are_done(self):
        for batch, keys in self.batches.items():
            ends = [self.model[key].status for key in keys]
            if not {"READY", "RUNNING"} & set(ends):
                counts = {"successful": ends.count("SUCCESSFUL"), "failed": ends.count("FAILED")}
                self.done.setdefault(batch, {"batch": batch, **counts})  # as it was when it was done

    def row(self, task):
        return self.model[str(task.id)]

    @rule()
    def enqueue(self):
        self.model[note.enqueue().id] = Row()

    @rule()
    def enqueue_what_must_not_run_twice(self):
        self.model[never_twice.enqueue().id] = Row(fail_if_lost=True)

    @rule(priorities=st.lists(st.integers(-1, 1), min_size=1, max_size=4))
    def enqueue_with_a_limit(self, priorities):
        for priority in priorities:
            result = send.using(priority=priority).enqueue(0)
            self.model[result.id] = Row(limited=True, priority=priority, held=IN_LINE)
            self.settle()

    @rule()
    def enqueue_with_a_limit_for_later(self):
        result = send.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(0)
        self.model[result.id] = Row(limited=True, held=LATER)

    @rule()
    def enqueue_what_is_unique(self):
        there = self.find(lambda row: row.unique and row.is_unfinished)
        result = only_one.enqueue()
        if there:
            assert [result.id] == there
        else:
            self.model[result.id] = Row(unique=True)

    @rule(kinds=st.lists(st.sampled_from([note, send]), max_size=3))
    def enqueue_a_chain(self, kinds):
        with tasks.chain():
            results = [kind.enqueue(0) for kind in kinds]
        self.chains += 1
        for kind, result in zip(kinds, results, strict=True):
            self.model[result.id] = Row(limited=kind is send, chain=self.chains, held=BEHIND)
        self.settle()

    @rule(kinds=st.lists(st.sampled_from([note, never_twice, send]), max_size=3), chained=st.booleans())
    def enqueue_a_batch(self, kinds, chained):
        self.chains += chained
        with tasks.batch(then=report.using(queue_name="exports")) as batch, tasks.chain() if chained else nullcontext():
            results = [kind.enqueue(0) if kind is send else kind.enqueue() for kind in kinds]
        for kind, result in zip(kinds, results, strict=True):
            held = BEHIND if chained else IN_LINE if kind is send else FREE
            row = Row(limited=kind is send, fail_if_lost=kind is never_twice, held=held)
            row.chain = self.chains if chained else 0
            self.model[result.id] = row
        self.batches[batch.id] = [result.id for result in results]
        self.settle()

    @precondition(lambda self: self.paused or self.held)
    @rule()
    def pause_or_resume(self):
        assert (queues.resume if self.paused else queues.pause)("default")
        self.paused = not self.paused

    @precondition(lambda self: self.find(lambda row: row.status == "SUCCESSFUL" and not row.pruned))
    @rule()
    def prune(self):
        """What has ended before its batch is counted already."""
        for key in self.find(lambda row: row.status == "SUCCESSFUL"):
            TaskRecord.objects.filter(pk=key).delete()
            self.model[key].pruned = True

    @rule()
    def claim(self):
        following = self.following()
        self.claimed(queue.claim("default", f"node/{self.boot}/default-1/0"), following)

    def following(self):
        """The task that is claimed next."""
        ready = self.find(lambda row: row.status == "READY" and row.held is FREE and not self.paused)
        return min(ready, key=lambda key: (-self.model[key].priority, key), default=None)  # ids are in order of time

    def claimed(self, task, following):
        assert (task and str(task.id)) == following
        if task is not None:
            self.row(task).status = "RUNNING"
            self.row(task).attempts += 1
            self.held.append(task)

    def end(self, how, *arguments, status, held=FREE):
        task = self.held.pop()
        assert how(task, *arguments)
        self.row(task).status, self.row(task).held = status, held
        self.settle()
        self.stale.append(task)

    @precondition(some_run)
    @rule()
    def succeed(self):
        self.end(queue.succeed, None, status="SUCCESSFUL")

    @precondition(some_run)
    @rule()
    def fail(self):
        self.end(queue.fail, status="FAILED")

    @precondition(lambda self: self.held and not queue.keeps_others_waiting(self.held[-1]))
    @rule()
    def succeed_and_take_the_next_along(self):
        task, following = self.held.pop(), self.following()
        written, along = queue.succeed_and_claim(task, None, ["default"])
        assert written
        self.row(task).status = "SUCCESSFUL"
        self.stale.append(task)
        self.claimed(along, following)

    @precondition(some_run)
    @rule()
    def fail_and_retry(self):
        self.end(queue.retry, timedelta(0), status="READY")

    @precondition(some_run)
    @rule()
    def fail_and_retry_later(self):
        self.end(queue.retry, timedelta(hours=1), status="READY", held=LATER)

    @precondition(lambda self: self.stale)
    @rule()
    def a_stale_outcome_changes_nothing(self):
        for task in self.stale:
            if task.claim not in {held.claim for held in self.held if held.id == task.id}:
                assert not queue.succeed(task, "stale")

    @precondition(some_run)
    @rule()
    def crash(self):
        self.boot += 1
        recover("node", f"node/{self.boot}")
        for row in map(self.row, self.held):
            row.deaths += 1
            row.status = "FAILED" if row.fail_if_lost or row.deaths >= MOST_DEATHS else "READY"
        self.settle()
        self.stale += self.held
        self.held = []

    @precondition(some_run)
    @rule()
    def stop(self):
        assert release(f"node/{self.boot}") == len(self.held)
        for row in map(self.row, self.held):
            if row.fail_if_lost:  # it may have begun
                row.status, row.deaths = "FAILED", row.deaths + 1
            else:
                row.status, row.attempts = "READY", row.attempts - 1
        self.settle()
        self.held = []
        self.boot += 1

    @rule(which=st.sampled_from([min, max]))
    def cancel_one_that_waits(self, which):
        if ready := self.find(lambda row: row.status == "READY"):
            control.cancel(TaskRecord.objects.get(pk=which(ready)))
            self.model[which(ready)].status = "FAILED"
            self.settle()

    @precondition(lambda self: self.find(lambda row: row.status == "FAILED"))
    @rule()
    def retry_the_failed(self):
        for key in self.find(lambda row: row.status == "FAILED"):
            row = self.model[key]
            its_own = [
                other for other in self.model.values() if other is row or (row.chain and other.chain == row.chain)
            ]
            may = row.status == "FAILED" and not (
                row.unique and self.find(lambda row: row.unique and row.is_unfinished)
            )
            assert control.retry(TaskRecord.objects.get(pk=key)) == may
            for other in its_own if may else []:
                if other.status == "FAILED":
                    other.put_back()
            self.settle()

    @precondition(lambda self: self.find(lambda row: row.status == "READY" and row.held == LATER))
    @rule()
    def promote(self):
        later = self.find(lambda row: row.status == "READY" and row.held == LATER)
        free = [key for key in later if not self.model[key].limited]
        assert queue.promote(timezone.now()) == {}
        assert queue.promote(timezone.now() + timedelta(hours=2)) == ({"default": len(free)} if free else {})
        for key in later:
            self.model[key].held = IN_LINE if self.model[key].limited else FREE
        self.settle()

    @invariant()
    def the_table_says_what_the_model_says(self):
        found = {}
        for record in TaskRecord.objects.exclude(queue="exports"):
            held = HELD.get(record.waits_until, LATER) if record.finished_at is None else None
            found[str(record.pk)] = record.status, record.attempt, record.deaths, held
            assert (record.finished_at is None) == (record.status in ("READY", "RUNNING"))
        assert found == {key: row.shown for key, row in self.model.items() if not row.pruned}

    @invariant()
    def the_callback_of_a_batch_is_there_once_and_says_how_it_ended(self):
        self.note_which_batches_are_done()
        callbacks = TaskRecord.objects.filter(queue="exports").values_list("arguments", flat=True)
        found = sorted((arguments["kwargs"] for arguments in callbacks), key=lambda counts: counts["batch"])
        assert found == [self.done[batch] for batch in sorted(self.done)]

    @invariant()
    def no_more_run_than_there_are_places(self):
        assert TaskRecord.objects.filter(limit_key="smtp", status="RUNNING").count() <= PLACES


def test_the_queue_is_the_state_machine_of_the_documentation():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Tasks, settings=settings(max_examples=50, stateful_step_count=50, deadline=None))
