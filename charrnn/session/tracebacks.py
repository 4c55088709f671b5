"""Tracebacks of Ctrl-C that end where the person's own lines do, not ten frames deep in what was running."""

from __future__ import annotations

import functools
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_HERE = str(Path(__file__).parents[1])
_LIBRARIES = tuple({_HERE, *map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))})


def trimmed(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames after the last one of a person's own code; None if all are inside."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    while frames and _is_inside(frames[-1]):
        frames.pop()
    kept: TracebackType | None = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def short_on_interrupt(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function's KeyboardInterrupt show the lines of its caller; all other errors keep every frame."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except KeyboardInterrupt as interrupt:
            raise interrupt.with_traceback(trimmed(interrupt.__traceback__)) from None

    return run


def _is_inside(trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename.startswith((*_LIBRARIES, "<frozen "))
