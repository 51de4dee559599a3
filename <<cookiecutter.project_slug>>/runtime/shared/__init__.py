"""What main and the other interpreters both read: plain values and what lies between them.

plan.py          what is to run, as the settings ask for it
board.py         counters and signs of life, in shared memory; watched.py: whose end pages are told of
frames.py        requests and responses, between main and a web thread
descriptors.py   wake who waits; processors.py has a thread wake up on another processor
node_sockets.py  what other processes tell main
agreement.py     whether main and an interpreter have read the same of all this
memory_queue.py  tasks in memory (InterpreterQueueBackend)
node.py          which node this is, and its lock
proxies.py       who asked, behind proxies
blocked.py       what a thread waits for
log.py, terminal.py  how things are told
heap.py          gives memory back to the kernel
"""
