"""Interpreters, from their start to their end. On main's event loop.

supervisor.py    owns the interpreters: starts them, hears of their ends, sees to successors; seats.py counts what they
                 need on the board
heartbeat.py     what is looked for four times a second
restarts.py      before what has died is started again: pauses, and a budget of deaths
scaling.py       one worker interpreter more, or one less
renewal.py       new ones in the place of old ones, both serving: when one has served long enough, and for
                 reload.py (SIGHUP; changes.py: a change of a file)
abandonment.py   gives up what lives and does not come back: overrun.py finds what ignores its end,
                 stillness.py what stands still
memory_tasks.py  sees to what is in the memory queues at a stop, and tells what is lost
wakeup_socket.py hears other processes of this machine; peers.py the other nodes on the same PostgreSQL
answers.py       what the server answers to them
shutdown.py      the stop, and its one budget
"""
