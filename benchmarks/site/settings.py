"""The template's settings with the benchmarks' views and tasks.

BENCHMARK_WORKERS=N    N workers for the queue `default`, and no other pool of workers
BENCHMARK_ENQUEUE_TO=QUEUE  where /bench/enqueue enqueues to
BENCHMARK_QUERIES=PATH every statement that SQLite executes is appended to this file
"""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS, INTERPRETERS, env

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.site"]
ROOT_URLCONF = "benchmarks.site.urls"
BENCHMARK_ENQUEUE_TO = env.text("BENCHMARK_ENQUEUE_TO", "default")
BENCHMARK_QUERIES = env.text("BENCHMARK_QUERIES", "")

if WORKERS := env.integer("BENCHMARK_WORKERS", 0, least=0, most=64):
    INTERPRETERS |= {"workers": {"default": {"queues": ["default"], "count": WORKERS, "timeout": 600}}}
