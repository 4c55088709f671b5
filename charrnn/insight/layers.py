"""Check indices of layers and units that a user gives."""

from __future__ import annotations

from typing import Any

from charrnn.errors import InvalidValue


def checked_index(name: str, index: Any, n: int) -> int:
    """Return the index of a layer or a unit from 0 up, or raise.

    >>> checked_index("layer", -1, 3)
    2
    >>> checked_index("unit", 99, 3)
    Traceback (most recent call last):
        ...
    charrnn.errors.InvalidValue: unit=99: expected a whole number from 0 to 2, or from -3 for the last ones.
    """
    try:
        return range(n)[index]
    except (IndexError, TypeError):
        span = f"from 0 to {n - 1}, or from {-n} for the last ones"
        raise InvalidValue(f"{name}={index!r}: expected a whole number {span}.") from None
