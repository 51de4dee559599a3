"""What people see of tasks: parts of the admin (tasks/admin.py) and of the pages.

lists.py, queues.py, schedules.py   the admin's lists
attempts.py, waiting.py, progress.py   an attempt, a waiting task, a running one, in words
"""
