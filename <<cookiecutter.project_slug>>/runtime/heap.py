"""The C heap, which all interpreters share."""

import ctypes

_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's


def trim() -> None:
    """Give the kernel what is free between things in use; by itself it gives back its end only. 5 to 30 ms."""
    if _malloc_trim is not None:
        _malloc_trim(0)
