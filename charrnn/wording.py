"""What is said to a person: words put together in one way, and printed so that printing cannot fail."""

from __future__ import annotations

import contextlib
import sys
import textwrap
from typing import TextIO

from charrnn.escapes import visible


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "step"), plural(2000, "step")
    ('1 step', '2,000 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
