"""What one can see of the server.

health.py        /healthz /readyz /metrics; metrics.py writes the last one, storage.py asks database and disk
overview.py      the server at a glance; history.py its last hour
inquiry.py       a question to the server, and its answer: a task's stack, a profile
stacks.py        what each thread does; sight.py tells it, dump.py reads it
live_tasks.py    what pages that show tasks hear; live_overview.py what /ops/ does
"""
