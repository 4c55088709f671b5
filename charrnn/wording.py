"""What is said to a person: words put together in one way, and printed so that printing cannot fail."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from typing import TextIO


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "step"), plural(2000, "step")
    ('1 step', '2,000 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def visible(text: str) -> str:
    r"""Return a text whose control characters are shown instead of obeyed by a terminal; line ends and tabs stay.

    >>> visible("a\x1b[31mb\tc\n") == "a\N{SYMBOL FOR ESCAPE}[31mb\tc\n"
    True
    """
    return text.translate(SHOWN)


class _Shown(dict[int, int]):
    """For each control character its picture, from Unicode's block of control pictures, or U+FFFD."""

    def __missing__(self, code: int) -> int:
        if code in (9, 10) or not (code < 32 or 127 <= code < 160):
            return code
        return 0x2400 + code if code < 32 else 0x2421 if code == 127 else 0xFFFD


SHOWN = _Shown()


def say(text: str = "", end: str = "\n", file: TextIO | None = None) -> None:
    """Print a text, whatever becomes of it: output can never end what says it.

    What a stream's encoding lacks is printed as "?", control characters are shown, and a stream that is closed or
    broken gets nothing.
    """
    stream = sys.stdout if file is None else file
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        try:
            print(visible(text), end=end, file=stream, flush=True)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            print(visible(text).encode(encoding, "replace").decode(encoding), end=end, file=stream, flush=True)


def wrapped(text: str, width: int) -> str:
    """Return a text with its lines wrapped at words, within a width.

    >>> wrapped("a longer text", 9)
    'a longer\\ntext'
    """
    return "\n".join(part for line in text.splitlines() for part in textwrap.wrap(line, width) or [""])
