"""The server: one process, its interpreters and what passes between them.

In the main interpreter (no Django here):
    plan.py         what is to run, as the settings ask for it
    supervisor.py   starts, watches and stops the interpreters; host.py is one of them seen from outside
    server.py       Granian, embedded
    bridge.py       requests from Granian to the web interpreters; body.py takes in uploads
    health.py       /healthz /readyz /metrics; metrics.py writes the last one
In the other interpreters:
    inside.py       the first lines that run there
    boot.py         at start: settings, checks, migrations, static files
    web.py          one loop per web thread; wsgi.py is one request in it
    (tasks.worker)  one loop per worker thread
Between them:
    board.py        counters and signs of life, in shared memory
    frames.py       requests and responses
    wakeup.py       descriptors that wake who waits
"""
