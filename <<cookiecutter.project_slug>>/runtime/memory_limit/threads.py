"""The threads of the main interpreter that wait for what blocks (asyncio.to_thread)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

THREADS = 4


def start_threads() -> None:
    """Start all threads that main will ever use: one that gets no memory for its first lines hangs who starts it.

    CPython 140746, seen as main replaced an interpreter while a task had eaten all memory.
    """
    executor, all_there = ThreadPoolExecutor(THREADS, thread_name_prefix="main"), Barrier(THREADS + 1)
    for _ in range(THREADS):
        executor.submit(all_there.wait)
    all_there.wait()
    asyncio.get_running_loop().set_default_executor(executor)
