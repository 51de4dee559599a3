"""The queue: a table of the project's database, and what the server does to its rows (people: tasks/control.py).

queue.py         insert, claim, finish; statements.py is the SQL, rows.py what it takes and gives
conditions.py    enqueues, also under a condition: unique, limit (limits.py), chain (chains.py)
tally.py         how many of a batch have ended
wakeup.py        wakes a worker; handover.py gives the task to one that sleeps
results.py       a row as Django's TaskResult; origin.py is the request that enqueued it
awaiting.py      waits for a task to end
counting.py      how many wait and run; history.py is an entry of a row's history
recovery.py      what becomes of tasks whose process or interpreter has died
patience.py      database errors that pass
memory_queue.py  the same in memory, without a row; memory_sizes.py bounds it
"""
