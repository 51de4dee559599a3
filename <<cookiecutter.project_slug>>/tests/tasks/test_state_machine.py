"""Random sequences of what can happen to tasks, against a model in plain Python."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import integers

import tasks
from tasks import control, queue, queues
from tasks.models import BatchRecord, PausedQueue, TaskRecord
from tasks.recovery import MOST_DEATHS, recover, release
from tests.tasks.sample_tasks import never_twice, note, report

pytestmark = pytest.mark.django_db


class Tasks(RuleBasedStateMachine):
    """The model: status, attempts begun and deaths of each task, by id; who was claimed in this boot and before.

    And of batches: the ids of their tasks; those whose callback was enqueued.
    """

    def __init__(self):
        super().__init__()
        TaskRecord.objects.all().delete()
        BatchRecord.objects.all().delete()
        PausedQueue.objects.all().delete()
        self.model = {}
        self.batches = {}
        self.done = {}
        self.paused = False
        self.held = []
        self.stale = []
        self.boot = 0

    @rule()
    def enqueue(self):
        self.model[note.enqueue().id] = ["READY", 0, 0, False]

    @initialize()
    def begin_with_a_batch_of_which_two_run(self):
        self.enqueue_a_batch(3)
        self.claim(2)

    @rule(number=integers(0, 3))
    def enqueue_a_batch(self, number):
        with tasks.batch(then=report.using(queue_name="exports")) as batch:
            enqueued = [task.enqueue().id for task in [note, never_twice, note][:number]]
        self.model |= {key: ["READY", 0, 0, number == 1] for number, key in enumerate(enqueued)}
        self.batches[batch.id] = enqueued

    @precondition(lambda self: self.paused or self.held)  # else much of the time nothing happens
    @rule()
    def pause_or_resume(self):
        assert (queues.resume if self.paused else queues.pause)("default")
        self.paused = not self.paused

    @rule()
    def prune(self):
        """What has ended before its batch is counted already."""
        for key in [key for key, (status, *_) in self.model.items() if status == "SUCCESSFUL"]:
            TaskRecord.objects.get(pk=key).delete()
            self.model[key][0] = "GONE"

    @rule()
    def enqueue_what_must_not_run_twice(self):
        self.model[never_twice.enqueue().id] = ["READY", 0, 0, True]

    @rule(number=integers(1, 3))
    def claim(self, number):
        for _ in range(number):
            self.claim_one()

    def claim_one(self):
        task = queue.claim("default", f"node/{self.boot}/default-1/0")
        ready = [key for key, (status, *_) in self.model.items() if status == "READY"]
        assert (task is not None) == (bool(ready) and not self.paused)
        if task is not None:
            assert str(task.id) == min(ready)  # the oldest: ids are in order of time
            self.model[str(task.id)][0] = "RUNNING"
            self.model[str(task.id)][1] += 1
            self.held.append(task)

    @precondition(lambda self: self.held)
    @rule()
    def succeed(self):
        task = self.held.pop()
        assert queue.succeed(task, None)
        self.model[str(task.id)][0] = "SUCCESSFUL"
        self.stale.append(task)

    @precondition(lambda self: self.held)
    @rule()
    def succeed_and_take_the_next_along(self):
        task = self.held.pop()
        ready = [] if self.paused else [key for key, (status, *_) in self.model.items() if status == "READY"]
        written, along = queue.succeed_and_claim(task, None, ["default"])
        assert written
        assert (along and str(along.id)) == min(ready, default=None)
        self.model[str(task.id)][0] = "SUCCESSFUL"
        self.stale.append(task)
        if along is not None:
            self.model[str(along.id)][0] = "RUNNING"
            self.model[str(along.id)][1] += 1
            self.held.append(along)

    @precondition(lambda self: self.held)
    @rule()
    def fail_and_retry(self):
        task = self.held.pop()
        assert queue.retry(task, timedelta(0))
        self.model[str(task.id)][0] = "READY"
        self.stale.append(task)

    @rule()
    def a_stale_outcome_changes_nothing(self):
        for task in self.stale:
            if task.claim not in {held.claim for held in self.held if held.id == task.id}:
                assert not queue.succeed(task, "stale")

    @precondition(lambda self: self.held)
    @rule()
    def crash(self):
        self.boot += 1
        recover("node", f"node/{self.boot}")
        for task in self.held:
            state = self.model[str(task.id)]
            state[2] += 1
            state[0] = "FAILED" if state[3] or state[2] >= MOST_DEATHS else "READY"
        self.stale += self.held
        self.held = []

    @precondition(lambda self: self.held)
    @rule()
    def stop(self):
        assert release(f"node/{self.boot}") == len(self.held)
        for task in self.held:
            self.model[str(task.id)][0] = "READY"
            self.model[str(task.id)][1] -= 1
        self.held = []
        self.boot += 1

    @rule()
    def cancel_the_oldest(self):
        if ready := [key for key, (status, *_) in self.model.items() if status == "READY"]:
            control.cancel(TaskRecord.objects.get(pk=min(ready)))
            self.model[min(ready)][0] = "FAILED"

    @rule()
    def retry_the_failed(self):
        for key in [key for key, (status, *_) in self.model.items() if status == "FAILED"]:
            control.retry(TaskRecord.objects.get(pk=key))
            self.model[key][0] = "READY"

    @rule()
    def promote(self):
        assert queue.promote(timezone.now()) == {}

    @invariant()
    def the_table_says_what_the_model_says(self):
        rows = TaskRecord.objects.filter(queue="default").values_list("id", "status", "attempt", "deaths")
        found = {str(pk): [status, attempt, deaths] for pk, status, attempt, deaths in rows}
        assert found == {key: state[:3] for key, state in self.model.items() if state[0] != "GONE"}

    @invariant()
    def the_callback_of_a_batch_is_there_once_and_says_how_it_ended(self):
        for batch, keys in self.batches.items():
            ends = ["SUCCESSFUL" if self.model[key][0] == "GONE" else self.model[key][0] for key in keys]
            if not {"READY", "RUNNING"} & set(ends):
                counts = {"successful": ends.count("SUCCESSFUL"), "failed": ends.count("FAILED")}
                self.done.setdefault(batch, {"batch": batch, **counts})  # as it was when it was done
        callbacks = TaskRecord.objects.filter(queue="exports").values_list("arguments", flat=True)
        found = sorted((arguments["kwargs"] for arguments in callbacks), key=lambda counts: counts["batch"])
        assert found == [self.done[batch] for batch in sorted(self.done)]


def test_the_queue_is_the_state_machine_of_the_documentation():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Tasks, settings=settings(max_examples=100, stateful_step_count=20, deadline=None))
