"""The log of training steps that are not written to the history yet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

COLUMNS = ("step", "loss", "grad_norm", "learnrate")  # of the history; where a step began is not kept


class Step(NamedTuple):
    """One training step, the argument of callbacks.

    `epoch` and `pos` are the place after it, `step` its number from the beginning, `loss` the loss before the update in
    nats per character (per frame for music), `grad_norm` the norm of the gradient before clipping.
    """

    epoch: int
    pos: int
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
    ...     log.add(Step(0, step, step, 4.0 - step, 0.5, 0.001))
    >>> log.forget(after=2)
    >>> log.columns()["loss"]
    array([3., 2.])
    """

    def __init__(self) -> None:
        self._steps: list[Step] = []

    @property
    def last(self) -> Step:
        """The last step."""
        return self._steps[-1]

    def add(self, step: Step) -> None:
        """Add the next step."""
        self._steps.append(step)

    def forget(self, after: int = 0) -> None:
        """Drop the steps after one: they were undone, or are in the history."""
        while self._steps and self._steps[-1].step > after:
            self._steps.pop()

    def columns(self) -> dict[str, np.ndarray]:
        """Return the steps by column, each (number of steps,)."""
        steps = tuple(self._steps)  # another thread may add some meanwhile
        return {name: np.array([getattr(step, name) for step in steps]) for name in COLUMNS if steps}

    def __len__(self) -> int:
        return len(self._steps)
