"""Measure the time of a training step and of a validation step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from charrnn.training.learner import Learner, Snapshot
from charrnn.training.summary import NOUNS


@dataclass(frozen=True)
class StepTimes:
    """Durations in milliseconds, and the speed in characters or frames per second.

    >>> StepTimes(train=20.0, loss=5.0, characters=1600)
    training 20.0 ms a batch (80,000 characters/s), validation 5.0 ms a batch (320,000 characters/s)
    """

    train: float
    loss: float
    characters: int
    unit: str = "char"

    def __repr__(self) -> str:
        train, loss = (f"{1000 * self.characters / ms:,.0f} {NOUNS[self.unit]}/s" for ms in (self.train, self.loss))
        return f"training {self.train:.1f} ms a batch ({train}), validation {self.loss:.1f} ms a batch ({loss})"


def time_steps(learner: Learner, seconds: float = 2.0) -> StepTimes:
    """Measure the two kinds of step, each for about the given time; nothing changes."""
    before = Snapshot(learner)
    x, y, mask, keep, labels = learner.data.batch(0, learner.batchsize)
    state = learner.model.freshstate(learner.batchsize)
    try:
        train = _milliseconds(lambda: learner.model.step(x, y, state, mask, keep, labels), seconds)
    finally:
        before.put_back(learner)
    loss = _milliseconds(lambda: learner.model.loss(x, y, state, mask, keep, labels), seconds)
    return StepTimes(train, loss, x.shape[0] * x.shape[1], learner.data.unit)


def _milliseconds(work: Callable[[], object], seconds: float) -> float:
    """Return the shortest of several durations, because disturbances only lengthen them."""
    work()  # compiles
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while not durations or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return 1000 * min(durations)
