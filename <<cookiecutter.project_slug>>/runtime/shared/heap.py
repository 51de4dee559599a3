"""The C heap, which all interpreters share."""

import ctypes

_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's


def trim() -> None:
    """Give the kernel what is free between things in use; by itself the heap gives back its end only."""
    if _malloc_trim is not None:
        _malloc_trim(0)
