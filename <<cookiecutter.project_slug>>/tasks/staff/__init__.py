"""What people see of tasks: parts of the admin (tasks/admin.py) and of the pages.

lists.py, queues.py, schedules.py   the admin's lists
in_words.py                         one task: its attempts, what it waits for, how far it is
"""
