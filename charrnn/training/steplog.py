"""What every training step came to, until it is written to the history."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class StepFacts(NamedTuple):
    """One training step: its number, loss before the update in nats per character, gradient, learning rate."""

    step: int
    loss: float
    grad_norm: float
    learnrate: float


class StepLog:
    """The training steps that the history does not hold yet, in order.

    Examples
    --------
    >>> log = StepLog()
    >>> for step in (1, 2, 3):
    ...     log.add(StepFacts(step, 4.0 - step, 0.5, 0.001))
    >>> log.forget(after=2)
    >>> log.columns()["loss"]
    array([3., 2.])
    """

    def __init__(self) -> None:
        self._steps: list[StepFacts] = []

    def add(self, step: StepFacts) -> None:
        """Take in the next step."""
        self._steps.append(step)

    def forget(self, after: int = 0) -> None:
        """Drop the steps after one: they were undone, or are written down."""
        while self._steps and self._steps[-1].step > after:
            self._steps.pop()

    def columns(self) -> dict[str, np.ndarray]:
        """Return the steps by column, each (number of steps,)."""
        return dict(zip(StepFacts._fields, map(np.array, zip(*self._steps, strict=True)), strict=False))

    def __len__(self) -> int:
        return len(self._steps)
