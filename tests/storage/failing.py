"""System calls that fail when it is their turn, as on a disk that breaks, fills up, or is taken away."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator
from unittest import mock

CALLS = [
    (builtins, "open"),
    (io, "open"),
    *((os, name) for name in (
        "open", "fsync", "replace", "rename", "unlink", "truncate", "mkdir", "scandir", "listdir", "lstat", "stat",
    )),
]  # fmt: skip


@contextlib.contextmanager
def failing(turn: int, code: int, within: str) -> Iterator[list[int]]:
    """Let the `turn`-th system call in a `with` block fail, if it concerns a path that contains `within`.

    Parameters
    ----------
    turn
        From 1 up; 0 for every one.
    code
        The `errno` of the failure.
    within
        A part of the paths that are concerned. Calls on open files (fsync) always are.

    Yields
    ------
    list of int
        One number: how many such calls there were so far.
    """
    count = [0]

    def watched(call: Callable, name: str) -> Callable:
        def run(target, *args, **kwargs):
            concerned = turn > 0 and name == "fsync" if isinstance(target, int) else within in os.fspath(target)
            if concerned:
                count[0] += 1
                if turn in (count[0], 0):
                    raise OSError(code, os.strerror(code))
            return call(target, *args, **kwargs)

        return run

    with contextlib.ExitStack() as stack:
        for module, name in CALLS:
            stack.enter_context(mock.patch.object(module, name, watched(getattr(module, name), name)))
        yield count


CODES = (errno.EIO, errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.ESTALE)
