"""The tables: a row is a task or a batch, until it is pruned, a schedule while it is declared, or a paused queue."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.tasks import TaskResultStatus


class TaskRecord(models.Model):
    """A task and its state. `tasks/table/` moves it from one status to the next, and control.py what people ask for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid7, editable=False)  # in order of time
    task = models.CharField(max_length=200, help_text="Dotted path of the task's function.")
    backend = models.CharField(max_length=50)
    queue = models.CharField(max_length=50)
    priority = models.SmallIntegerField()
    status = models.CharField(max_length=10, choices=TaskResultStatus.choices, db_default="READY")
    arguments = models.JSONField()  # {"args": […], "kwargs": {…}}

    run_after = models.DateTimeField(null=True, blank=True)  # as asked for
    waits_until = models.DateTimeField(null=True, blank=True)  # null: may be claimed; else when, or what holds it
    enqueued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)  # first attempt
    last_attempted_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    attempt = models.PositiveSmallIntegerField(db_default=0)  # attempts begun
    deaths = models.PositiveSmallIntegerField(db_default=0)  # attempts that were lost with their process or interpreter
    claim = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001  node/boot/interpreter/generation
    worker = models.CharField(max_length=100, blank=True, db_default="")  # who held it when it ended, or was lost
    fail_if_lost = models.BooleanField(db_default=False)  # on_lost="fail"
    cancelled = models.BooleanField(db_default=False)
    progress = models.JSONField(null=True, blank=True)  # {"done": n, "total": n}
    checkpoint = models.JSONField(null=True, blank=True)
    return_value = models.JSONField(null=True, blank=True)
    unique_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    limit_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  tasks/table/limits.py
    limit_number = models.PositiveSmallIntegerField(null=True, blank=True)  # most with this key at once
    chain = models.UUIDField(null=True, blank=True)  # of its tasks, whose ids are in its order: tasks/table/chains.py
    origin = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  the request: tasks/table/origin.py
    batch = models.UUIDField(null=True, blank=True)  # no foreign key: each is pruned by itself
    history = models.JSONField(
        db_default=[]
    )  # what ended without success: {"attempt", "outcome", "started_at", "type", …}
    bill = models.JSONField(null=True, blank=True)  # of the attempt that ended well (tasks/records/bill.py)

    class Meta:
        verbose_name = "task"
        ordering = ("-id",)
        # Each index costs the writes of the rows that its condition takes in.
        indexes = [
            # claims in this order, and counts: waits_until, always null here, saves SQLite a look at each row
            models.Index(
                fields=["queue", "-priority", "id", "waits_until"],
                name="tasks_claimable",
                condition=Q(status="READY", waits_until=None),
            ),
            # which task is due next
            models.Index(
                fields=["waits_until"], name="tasks_waiting", condition=Q(status="READY", waits_until__isnull=False)
            ),
            # counts, recovery, what an interpreter holds
            models.Index(fields=["queue", "claim"], name="tasks_running", condition=Q(status="RUNNING")),
            # pruning, and the admin's lists of finished tasks, which are in this order
            models.Index(
                fields=["status", "finished_at"], name="tasks_finished", condition=Q(finished_at__isnull=False)
            ),
            # the admin's lists of a queue and of a task: rare ones are searched for through the whole table without
            models.Index(fields=["queue", "id"], name="tasks_of_queue"),
            models.Index(fields=["task", "id"], name="tasks_of_task"),
            # how many have a place under a limit (waits_until is null), who is next to get one. Not for other tasks
            models.Index(
                fields=["limit_key", "waits_until", "-priority", "id", "limit_number"],
                name="tasks_of_limit",
                condition=Q(limit_key__isnull=False, finished_at=None),
            ),
            models.Index(fields=["batch", "id"], name="tasks_of_batch", condition=Q(batch__isnull=False)),
            # the next of a chain. Not for other tasks
            models.Index(fields=["chain", "id"], name="tasks_of_chain", condition=Q(chain__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "unique_key"],
                name="tasks_unique",
                condition=Q(unique_key__isnull=False, finished_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.id}"


class TaskReport(models.Model):
    """Why an attempt failed, in detail, for staff (tasks/records/report.py). It goes with its task."""

    task = models.ForeignKey(TaskRecord, models.DB_CASCADE, db_index=False, related_name="reports")
    attempt = models.PositiveSmallIntegerField()
    content = models.JSONField()  # {"errors": […], "lines": […]}

    class Meta:
        indexes = [models.Index(fields=["task", "attempt"], name="tasks_report_of_task")]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.task_id}"


class Schedule(models.Model):
    """A recurring task as the project declares it (tasks/schedule.py), and its times (tasks/house/ticks.py)."""

    name = models.CharField(max_length=200, primary_key=True)
    task = models.CharField(max_length=200, help_text="Dotted path of the task's function.")
    expression = models.CharField(max_length=200)  # "every 10m", "0 3 * * * Europe/Berlin"
    last_run = models.DateTimeField(null=True, blank=True, help_text="When the task was last enqueued.")
    next_run = models.DateTimeField(null=True, blank=True)  # null: paused, and not asked for either
    paused = models.BooleanField(db_default=False, default=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class PausedQueue(models.Model):
    """A queue of which no task begins (tasks/queues.py). The statement that claims looks here."""

    name = models.CharField("queue", max_length=50, primary_key=True)
    paused_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class BatchRecord(models.Model):
    """A batch and its tally (tasks/table/tally.py)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid7, editable=False)  # in order of time
    callback = models.JSONField()  # what becomes a row of its own: {"task", "queue", …}
    total = models.PositiveIntegerField(null=True, blank=True)  # null: the block that collects has not ended
    successful = models.PositiveIntegerField(db_default=0)
    failed = models.PositiveIntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)  # when the callback was enqueued

    class Meta:
        verbose_name = "batch"
        verbose_name_plural = "batches"
        ordering = ("-id",)
        indexes = [models.Index(fields=["finished_at"], name="tasks_finished_batch")]  # pruning

    def __str__(self) -> str:
        return f"{self.callback['task']} {self.id}"
