"""The server: one process, its interpreters and what passes between them.

In the main interpreter (no Django here), a request's way:
    server.py       Granian, embedded
    bridge.py       from Granian to an idle web thread, or into the waiting room
    static.py       static files, answered without a web thread
    body.py         takes in uploads, before a thread is asked for
    link.py         main's end of the socket to one web thread
    delivery.py     the response on its way to the client; connection.py is that client's socket
    streams.py      bounds the long responses, so that a thread remains for everybody else
    responses.py    answers that main gives by itself
    live.py         pages that hear what changes: live_tasks.py for those that show tasks, live_overview.py for /ops/
Interpreters, from their start to their end:
    plan.py         what is to run, as the settings ask for it
    command.py      the command line, the boot interpreter; log.py and terminal.py are how things are told
    supervisor.py   owns the interpreters: starts them, hears of their ends, sees to successors
    host.py         one of them from outside: the thread that makes it (kinds.py), runs it and closes it (heap.py)
    restarts.py     what has died is started again: pauses and a budget
    scaling.py      one worker interpreter more, or one less
    renewal.py      new ones in the place of old ones, both serving: recycling.py says when, reload.py at SIGHUP,
                    changes.py at a change of a file
    abandonment.py  gives up what lives and does not come back: overrun.py finds what ignores its end,
                    stillness.py what stands still
    memory.py       what eats memory fails, the server serves on; ledger.py knows who took it, cgroup.py the limit,
                    threads.py keeps main's threads ready
    memory_tasks.py sees to what is in the memory queues at a stop, and tells what is lost
    shutdown.py     the stop, and its one budget
    node.py         which node this is, and its lock; peers.py hears the other nodes on the same PostgreSQL
What one can see of it:
    health.py       /healthz /readyz /metrics; metrics.py writes the last one, storage.py asks database and disk
    overview.py     the server at a glance; history.py its last hour
    answers.py      gives both to who asks, inquiry.py a task's stack or profile
    stacks.py       what each thread does; sight.py tells it, dump.py reads it, blocked.py knows what it waits for
    questions.py    what main.py answers instead of serving: status.py, and the table of --check
In the other interpreters:
    inside.py       the first lines that run there
    boot.py         at start: settings, checks, migrations, static files; refusals.py is what stops a start
    web.py          one loop per web thread; wsgi.py is one request in it, environ.py what is asked, proxies.py by whom,
                    files.py an answer from a file
    tasks/worker.py one loop per worker thread
    watchdog.py     ends a task or request that takes too long, step by step
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
