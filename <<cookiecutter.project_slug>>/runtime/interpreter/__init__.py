"""One interpreter, whatever runs in it.

host.py          from outside: the thread that makes it, runs it and closes it
kinds.py         how an isolated or a legacy one is made and closed; one of the kind `main` is a thread
inside.py        the first lines that run in it: Django, a seat on the board, one loop per thread
watchdog.py      ends a task or request that takes too long, step by step
"""
