"""What apps can connect to, beside Django's own signals of tasks (django.tasks.signals)."""

from django.dispatch import Signal

tidy_up = Signal()
"""Sent once an hour on each node, and by `manage.py prune_tasks`, when tasks have been pruned: delete now what belonged
to tasks that are no longer in the table. Runs in the housekeeping interpreter: what takes long belongs into a task."""
