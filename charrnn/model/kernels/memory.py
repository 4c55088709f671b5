"""Keep the memory of large arrays between steps.

A training step makes and drops tens of arrays of a megabyte or so. The C library gives such memory back to the system
each time, and the system clears every page again on the next touch: a sixth of a small model's step. Threads other than
the first would get stores of their own, which give back memory whatever they are told: all share the first one's.
"""

from __future__ import annotations

import ctypes
import functools
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # names of glibc's mallopt


@functools.cache
def keep_freed_memory(largest: int = 64 << 20, kept: int = 512 << 20) -> None:
    """Ask glibc to keep freed arrays of up to ``largest`` bytes, ``kept`` bytes in all; elsewhere do nothing."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_THRESHOLD, largest)
        library.mallopt(_TRIM_THRESHOLD, kept)
        library.mallopt(_ARENA_MAX, 1)
