"""How an attempt went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from random import Random


class Verdict(Enum):
    """What an attempt came to."""

    SURVIVED = "all that was saved is there, bit for bit"
    FOUND = "the damage was named, and nothing wrong was given"
    HARMLESS = "every value is as before"
    LOST = "something saved is gone, wrong, or not told"


class Lost(Exception):
    """Something was lost; the message says what."""


Trial = Callable[[Path, Random], Iterator[Verdict]]


def require(good: bool, what: str) -> None:
    """Raise Lost unless all is good."""
    if not good:
        raise Lost(what)
