"""The server: one process, its interpreters and what passes between them.

In the main interpreter (no Django here):
    plan.py         what is to run, as the settings ask for it
    supervisor.py   starts, watches and stops the interpreters; host.py is one of them seen from outside
    server.py       Granian, embedded
    bridge.py       requests from Granian to the web interpreters; body.py takes in uploads, link.py is the way to one
                    web thread, delivery.py the way of its response to the client, connection.py that client's socket;
                    streams.py bounds the long ones
    live.py         pages that live: events from the board; live_tasks.py for those that show tasks,
                    live_overview.py for the operations page
    overview.py     the server at a glance; history.py its last hour; answers.py gives both to who asks (inquiry.py)
    memory.py       what eats memory fails, the server serves on; ledger.py knows who took it, cgroup.py the limit
    memory_tasks.py sees to what is in the memory queues at a stop, and tells what is lost
    health.py       /healthz /readyz /metrics; metrics.py writes the last one
In the other interpreters:
    inside.py       the first lines that run there
    boot.py         at start: settings, checks, migrations, static files; refusals.py is what stops a start
    web.py          one loop per web thread; wsgi.py is one request in it, environ.py what is asked, proxies.py by whom,
                    files.py an answer from a file
    (tasks.worker)  one loop per worker thread
main.py --check:
    check.py        the table; advice.py is what to change
    trial.py        an interpreter in a process of its own (sandbox.py), which imports what a pool does (probe.py)
                    or a library (libraries.py); explain.py says who pulls in what does not load
Between them:
    board.py        counters and signs of life, in shared memory
    frames.py       requests and responses
    wakeup.py       descriptors that wake who waits; processors.py has a thread wake up on another processor
    watched.py      whose end pages are told of
    memory_queue.py tasks in memory (InterpreterQueueBackend)
"""

import sys

if sys.version_info < (3, 14):  # noqa: UP036  the first that an older Python meets here
    sys.exit(f"Python 3.14 or newer is needed, and {sys.executable} is {sys.version.split()[0]}: `uv run main.py`.")
