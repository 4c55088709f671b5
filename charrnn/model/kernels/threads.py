"""Split the batch over cores.

Kernels release the interpreter's lock and their rows are independent, so plain threads suffice: there is neither a
parallel runtime nor a barrier, and the same number of threads gives the same bits. BLAS is limited to one thread
meanwhile, because two thread pools on the same cores slow each other down.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import threadpoolctl

from charrnn import checks

_current: contextvars.ContextVar[int] = contextvars.ContextVar("charrnn_threads", default=1)


def available() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resolve(threads: int | None) -> int:
    """Return the requested number of threads, or the number of available cores.

    Raises
    ------
    InvalidValue
        If it is not a whole number from 1 up.
    """
    if threads is None:
        return available()
    return checks.whole("threads", threads, otherwise=f", or None for all {available()} cores")


@functools.cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="charrnn")


class _SingleBLAS:
    """Limit BLAS to one thread from the first caller's entry to the last one's exit, in any threads."""

    def __init__(self) -> None:
        self._controller = threadpoolctl.ThreadpoolController()
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                _let_any_thread_set_blas()
                self._limiter = self._controller.limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *exc_info: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _let_any_thread_set_blas()
                self._limiter.restore_original_limits()
                _let_any_thread_set_blas()


def _let_any_thread_set_blas() -> None:
    # Newer versions of threadpoolctl obey only the thread that first set OpenBLAS's number, as long as it lives.
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


@functools.cache
def _single_blas() -> _SingleBLAS:
    return _SingleBLAS()


@contextlib.contextmanager
def using(threads: int) -> Iterator[None]:
    """Let kernels inside the with block use a number of threads, and BLAS one thread."""
    token = _current.set(threads)
    try:
        with _single_blas():
            yield
    finally:
        _current.reset(token)


def split(n: int, work: Callable[[int, int], object], least: int = 1) -> None:
    """Call ``work(first, last)`` for parts of ``range(n)``: one for each thread, each with at least ``least`` items."""
    parts = max(1, min(_current.get(), n // max(least, 1)))
    bounds = [n * k // parts for k in range(parts + 1)]
    if parts == 1:
        work(0, n)
        return
    waiting = [_submit(parts - 1, work, first, last) for first, last in itertools.pairwise(bounds[1:])]
    work(bounds[0], bounds[1])
    for future in waiting:
        if future is not None:
            future.result()


def _submit(workers: int, work: Callable[[int, int], object], first: int, last: int) -> Future | None:
    try:
        return _pool(workers).submit(work, first, last)
    except RuntimeError:  # Python is closing and takes no more work: compute the rest in this thread
        work(first, last)
        return None
