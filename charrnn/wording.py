"""Wording of messages, and printing that never raises."""

from __future__ import annotations

import contextlib
import shutil
import sys
import textwrap
from typing import TextIO

from charrnn.escapes import visible

UNBOUNDED = 200  # columns, where no terminal says how many it has
NARROWEST = 20


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "step"), plural(2000, "step")
    ('1 step', '2,000 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def part(batches: int, streams: int) -> str:
    """Return the data that a loss was measured on, if it is not the whole validation data (0 batches).

    >>> part(1, 1), part(20, 16), part(0, 16)
    ('1 batch of 1 stream', '20 batches of 16 streams', '')
    """
    return f"{batches:,} batch{'' if batches == 1 else 'es'} of {plural(streams, 'stream')}" if batches else ""


def wrapped(text: str, indent: str = "", width: int | None = None) -> str:
    """Return a text wrapped between words at the terminal's width; continuation lines are indented.

    >>> print(wrapped("one two three", indent="  ", width=9))
    one two
      three
    """
    if width is None:
        width = max(shutil.get_terminal_size((UNBOUNDED, 0)).columns, NARROWEST)
    wrapper = textwrap.TextWrapper(
        width,
        subsequent_indent=indent,
        expand_tabs=False,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(wrapper.fill(line) if len(line) > width else line for line in text.split("\n"))


def say(text: str = "", end: str = "\n", file: TextIO | None = None) -> None:
    """Print a text; an error in printing never stops the caller.

    What a stream's encoding lacks is printed as "?", control characters are shown, and a stream that is closed or
    broken gets nothing.
    """
    stream = sys.stdout if file is None else file
    with contextlib.suppress(Exception):  # a notebook's streams have errors of their own
        try:
            print(visible(text), end=end, file=stream, flush=True)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            print(visible(text).encode(encoding, "replace").decode(encoding), end=end, file=stream, flush=True)
