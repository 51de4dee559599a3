"""The template's settings with the benchmarks' views and tasks.

BENCHMARK_WORKERS=N    N workers for the queue `default`, and no other pool of workers
BENCHMARK_ENQUEUE_TO=QUEUE  where /bench/enqueue enqueues to
BENCHMARK_SOAK=1       short limits, and everybody is signed in (benchmarks/soak.py)
BENCHMARK_RECYCLE=1    a pool `recycled`, whose interpreter is replaced after each task (benchmarks/recycle.py)
BENCHMARK_MEMORY=1     tasks in memory, as many as may be (benchmarks/memory_queue.py)
BENCHMARK_STATIC=FOLDER  whose files are static files as well (benchmarks/web.py)
BENCHMARK_NODES=1      ticks, unique and limited tasks (benchmarks/nodes.py)
BENCHMARK_QUERIES=PATH every statement that SQLite executes is appended to this file
"""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS, INTERPRETERS, MIDDLEWARE, STATICFILES_DIRS, TASKS, env

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.site"]
ROOT_URLCONF = "benchmarks.site.urls"
BENCHMARK_ENQUEUE_TO = env.text("BENCHMARK_ENQUEUE_TO", "default")
BENCHMARK_QUERIES = env.text("BENCHMARK_QUERIES", "")

if STATIC := env.text("BENCHMARK_STATIC", ""):
    STATICFILES_DIRS = [*STATICFILES_DIRS, STATIC]

if WORKERS := env.integer("BENCHMARK_WORKERS", 0, least=0, most=64):
    INTERPRETERS |= {"workers": {"default": {"queues": ["default"], "count": WORKERS, "timeout": 600}}}

if env.flag("BENCHMARK_SOAK"):
    MIDDLEWARE = [*MIDDLEWARE, "benchmarks.site.soak.everybody_is_signed_in"]
    INTERPRETERS["web"] |= {"request_timeout": 10, "canary": 1}
    INTERPRETERS["workers"]["default"] |= {"timeout": 20, "idle": 10}

if env.flag("BENCHMARK_MEMORY"):
    memory = {"QUEUES": ["critical"], "OPTIONS": {"size": 10_000}}
    TASKS["memory"] = {"BACKEND": "tasks.backends.InterpreterQueueBackend"} | memory

if env.flag("BENCHMARK_RECYCLE"):
    TASKS["default"]["QUEUES"].append("recycled")
    INTERPRETERS["workers"]["recycled"] = {"queues": ["recycled"], "max_tasks": 1}

if env.flag("BENCHMARK_NODES"):
    INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.nodes_site"]
