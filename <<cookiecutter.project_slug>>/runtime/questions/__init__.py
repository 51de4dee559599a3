"""What main.py answers instead of serving.

status.py        the interpreters and queues of the running server
check.py         the table of --check, and what to change
trial.py         an interpreter in a process of its own (sandbox.py), which imports what a pool does (probe.py)
                 or a library (libraries.py)
"""
