"""On which processor a thread wakes up: on another one than its waker's.

Linux lets a thread that is woken wait for the processor of its waker where no other looks idle; and in a virtual
machine an idle one does not (it looks taken away by the host, as KVM's `vcpu_is_preempted` has it). So a worker would
begin only when the request that woke it is through, beside a processor that does nothing.
"""

import contextlib
import ctypes
import os

ALL = os.sched_getaffinity(0)  # that this process may use

current = ctypes.CDLL(None).sched_getcpu  # the number of the processor that this runs on


def keep_off_this(thread: int) -> None:
    """Let a thread that sleeps (its native id) wake up elsewhere; once awake it calls `use_any`."""
    if others := ALL - {current()}:
        with contextlib.suppress(OSError):  # it has ended, or the container has other processors by now
            os.sched_setaffinity(thread, others)


def use_any() -> None:
    """For the calling thread."""
    if len(ALL) > 1:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, ALL)
