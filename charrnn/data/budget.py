"""The memory that reading a source may take, decided before any is taken."""

from __future__ import annotations

import math

from charrnn.errors import SourceUnusable

LIMIT = 0.5  # gigabytes


def require_memory(name: object, size: float, limit: float = LIMIT) -> None:
    """Raise SourceUnusable if a source would take more memory than is allowed.

    Parameters
    ----------
    name : object
        The source.
    size : float
        Bytes that it would take.
    limit : float
        Gigabytes that are allowed.

    >>> require_memory("set.npz", 6.2e9)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    charrnn.errors.SourceUnusable: set.npz would take 6.2 GB of memory, more than the 0.5 GB allowed...
    """
    if size > limit * 1e9:
        raise SourceUnusable(
            f"{name} would take {size / 1e9:,.1f} GB of memory, more than the {limit:g} GB allowed: "
            f"memory_limit={math.ceil(size / 1e9)} allows it."
        )
