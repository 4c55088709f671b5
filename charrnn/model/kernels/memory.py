"""Keep the memory of large arrays between steps.

A training step allocates and frees tens of arrays of about a megabyte. By default, the C library returns such memory to
the system each time, and the system clears every page at its next use, which takes a sixth of a small model's step.
Threads besides the first would allocate from separate arenas, which ignore these settings, so all share one arena.
"""

from __future__ import annotations

import ctypes
import functools
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # names of glibc's mallopt


@functools.cache
def keep_freed_memory(largest: int = 64 << 20, kept: int = 512 << 20) -> None:
    """Ask glibc to keep freed arrays of up to ``largest`` bytes, ``kept`` bytes in all; do nothing on other systems."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_THRESHOLD, largest)
        library.mallopt(_TRIM_THRESHOLD, kept)
        library.mallopt(_ARENA_MAX, 1)
