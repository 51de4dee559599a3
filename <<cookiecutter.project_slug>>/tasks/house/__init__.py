"""Housekeeping, once per node, in a thread of one worker interpreter.

keeper.py        what is due now, and when to look again
ticks.py         recurring tasks
pruning.py       finished tasks that are old enough (retention.py)
nodes.py         tasks of a node that died
"""
