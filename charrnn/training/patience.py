"""Early stopping: training ends when the loss has not improved for a number of rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence


def is_exhausted(losses: Sequence[float | None], patience: int | None) -> bool:
    """Return whether the last `patience` losses are no better than an earlier one; None is a loss not measured.

    >>> is_exhausted([3.0, 2.0, 2.1, 2.2], patience=2), is_exhausted([3.0, 2.0, 2.1], patience=2)
    (True, False)
    >>> is_exhausted([3.0, 4.0], patience=None)
    False
    """
    if patience is None or not losses:
        return False
    known = [math.inf if loss is None else loss for loss in losses]
    return len(known) - 1 - known.index(min(known)) >= patience
