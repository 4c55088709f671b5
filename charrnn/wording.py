"""Words that several rooms put together in the same way."""

from __future__ import annotations


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "step"), plural(2000, "step")
    ('1 step', '2,000 steps')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
