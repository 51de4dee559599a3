"""What eats memory fails, and the server serves on.

guard.py         looks at the memory in use, and says who is to end
ledger.py        who took it
cgroup.py        the container's limit
"""
