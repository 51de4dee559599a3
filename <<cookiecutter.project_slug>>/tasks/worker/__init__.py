"""What a worker interpreter runs: a task's way from its claim to its end.

loop.py          the loop of a worker thread; settling.py is what it does first, for a predecessor that died
waiting.py       what it does next: claim, take what is handed over (mailbox.py), sleep
gate.py          lets a suspect run alone; write_turns.py is whose turn it is to write
attempt.py       runs a task and writes how it ended
context.py       progress and checkpoints of a task that takes a context
leftovers.py     what a task left behind: threads, transactions, connections
memory_worker.py the same for tasks in memory
"""
