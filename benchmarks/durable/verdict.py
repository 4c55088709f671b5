"""How an attempt went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from random import Random


class Verdict(Enum):
    """The result of a trial."""

    SURVIVED = "everything saved is there, bit for bit"
    FOUND = "the damage was named, and no wrong value was returned"
    HARMLESS = "every value is as before"
    LOST = "a saved value is missing or wrong, or damage was not named"


class Lost(Exception):
    """A saved value was lost; the message names it."""


Trial = Callable[[Path, Random], Iterator[Verdict]]


def require(good: bool, what: str) -> None:
    """Raise Lost unless all is good."""
    if not good:
        raise Lost(what)
