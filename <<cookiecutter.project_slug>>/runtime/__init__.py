"""The server: one process, its interpreters and what passes between them. `main.py` reads like this picture.

    main interpreter, without Django
        http/          a request's way in main: Granian, the bridge, static files
        supervise/     interpreters from their start to their end: start, replace, reload, give up, stop
        memory_limit/  what eats memory fails, the server serves on
        observe/       health, metrics, overview, stacks
        start/         the command line, the checks before the first request
        questions/     `main.py status`, `main.py --check`
    each interpreter
        interpreter/   how one is made, runs and ends, whatever runs in it
        web/           what a web interpreter runs: WSGI
        tasks.worker   what a worker interpreter runs
    between them
        shared/        the plan, the board, frames, descriptors, queues in memory

Each package lists its modules, and imports those alone that come after it here: questions, supervise, observe, start,
web, memory_limit, http, interpreter, shared (tests/test_imports.py).
"""

import sys

if sys.version_info < (3, 14):  # noqa: UP036  the first that an older Python meets here
    sys.exit(f"Python 3.14 or newer is needed, and {sys.executable} is {sys.version.split()[0]}: `uv run main.py`.")
