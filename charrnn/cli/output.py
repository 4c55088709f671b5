"""What commands print: never an error for want of a character, and in the shell's words."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from charrnn.cli import hints
from charrnn.state import ModelState
from charrnn.wording import say

PLAIN = {"─": "-", "│": "|", "×": "x", "…": "...", "–": "-"}  # what is printed where an encoding lacks a character
TRY = "  try  "  # begins the line of a model's description that proposes calls of Python


def readable(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks by something like them, else by "?"; for `codecs.register_error`.

    >>> import codecs
    >>> codecs.register_error("charrnn.readable", readable)
    >>> "2×3 ── 月".encode("ascii", "charrnn.readable")
    b'2x3 -- ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(ch, "?") for ch in error.object[error.start : error.end]), error.end


def show(text: object = "", end: str = "\n") -> None:
    """Print a result: to a terminal with control characters shown, to a file or pipe as it is.

    Raises
    ------
    BrokenPipeError
        If nobody reads on, which ends a command quietly.
    """
    if sys.stdout is None or sys.stdout.isatty():
        say(str(text), end=end)
    else:
        print(text, end=end, flush=True)


def notice(text: str) -> None:
    """Print something beside the result, to standard error."""
    say(text, file=sys.stderr)


def facts(ms: ModelState) -> str:
    """Return what is said of a model, without the calls that are proposed at a Python prompt."""
    lines = [line for line in repr(ms).splitlines() if not line.startswith(TRY)]
    return hints.in_shell("\n".join(lines), {}, ms.path)


def word(path: str | Path) -> str:
    """Return a path as it is typed in a shell."""
    return shlex.quote(str(path))


@contextlib.contextmanager
def in_shell(ctx: Any) -> Iterator[None]:
    """Print what the library prints meanwhile in the shell's words."""
    known, directory = hints.options(ctx.command), ctx.params.get("directory")
    with contextlib.redirect_stdout(_Translated(sys.stdout, lambda text: hints.in_shell(text, known, directory))):
        yield


class _Translated(io.TextIOBase):
    """A text stream that changes what is written to another one."""

    def __init__(self, stream: TextIO, change: Callable[[str], str]) -> None:
        self._stream, self._change = stream, change

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str) -> int:
        self._stream.write(self._change(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
