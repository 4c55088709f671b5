"""Training steps through the text, and the return to a good state after a failed step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import TrainingDiverged
from charrnn.training.place import Place
from charrnn.training.policies import Constant
from charrnn.training.steplog import Step, StepLog

if TYPE_CHECKING:
    from charrnn.data.streams.batch import Streams
    from charrnn.model.model import Model, StepResult


@dataclass
class Learner:
    """A model, the text that it learns, its place there, its learning-rate policy, and a log of its steps."""

    model: Model
    data: Streams
    place: Place
    policy: Constant
    batchsize: int
    log: StepLog = field(default_factory=StepLog)

    @property
    def epoch_length(self) -> int:
        """Batches in an epoch."""
        return self.data.batchepoch(self.batchsize)

    @property
    def epochs(self) -> float:
        """Epochs completed, the part of the present one included."""
        return self.place.epoch + self.place.pos / self.epoch_length

    def step(self, progress: float) -> StepResult:
        """Learn one batch; `progress` in (0, 1] is the step's place within the present call of training."""
        x, y, mask, keep, labels = self.data.batch(self.place.pos, self.batchsize, self.place.epoch)
        state = self.model.freshstate(self.batchsize) if self.place.state is None else self.place.state
        self.model.learnrate = self.policy.rate(progress, self.epochs)
        # Repeats from wrapping a text count in training, as in the ancestor; padding after documents does not.
        result = self.model.step(x, y, state, None if keep is None else mask, keep, labels)
        self.place.advance(result.state, self.epoch_length)
        place, model = self.place, self.model
        self.log.add(Step(place.epoch, place.pos, model.steps, result.loss, result.grad_norm, model.learnrate))
        return result


class Snapshot:
    """A copy of all state that a step changes."""

    def __init__(self, learner: Learner) -> None:
        self.arrays = {name: array.copy() for name, array in learner.model.arrays().items()}
        self.steps = learner.model.steps
        self.place = learner.place.copy()

    def put_back(self, learner: Learner) -> None:
        """Restore parameters, optimizer slots, place and hidden states; drop the steps since then from the log."""
        learner.model.load_arrays(self.arrays)
        learner.model.steps = self.steps
        learner.place.become(self.place)
        learner.log.forget(after=self.steps)


class Guard:
    """Watches the steps of one round, and returns to the last good state after a failed step.

    A step fails if its loss or gradient is not finite, or its loss is three times that of a uniform guess. The first
    time, training goes back at most `KEEP_EVERY` steps; later, to the start of the round, where a validation was good.
    Each time the learning rate is halved.
    """

    KEEP_EVERY = 100  # steps
    RETRIES = 5
    EXPLODED = 3.0  # times the loss of guessing evenly

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._limit = self.EXPLODED * learner.model.even_loss
        self._start = self._latest = Snapshot(learner)
        self._failures = 0

    def step(self, progress: float) -> tuple[StepResult, str]:
        """Take one step; return its result and, if the step failed and was undone, a sentence about it.

        Raises
        ------
        TrainingDiverged
            If this happened more than `RETRIES` times in the round.
        """
        try:
            result = self._learner.step(progress)
        except BaseException:  # a second Ctrl-C may stop a step half-way
            self._latest.put_back(self._learner)
            raise
        if problem := self._problem(result):
            return result, self._go_back(problem, self._start if self._failures else self._latest)
        if self._learner.model.steps - self._latest.steps >= self.KEEP_EVERY and self._is_finite():
            self._latest = Snapshot(self._learner)
        return result, ""

    def settle(self) -> str:
        """Go back to the last good state if the last update failed; return a sentence about it, or "".

        The loss of a step is that before its update, so that the step itself looks good: call this before saving.
        """
        if self._is_finite():
            return ""
        return self._go_back("the update made parameters infinite", self._latest)

    def _is_finite(self) -> bool:
        return all(bool(np.isfinite(array).all()) for array in self._learner.model.arrays().values())

    def start_again(self, problem: str) -> str:
        """Go back to the start of the round; return a sentence about it, or raise as `step` does."""
        return self._go_back(problem, self._start)

    def _problem(self, result: StepResult) -> str:
        if not math.isfinite(result.loss):
            return f"the loss became {result.loss}"
        if not np.isfinite(result.grad_norm):
            return f"the gradient became {result.grad_norm}"
        if result.loss > self._limit:
            return f"the loss exploded to {result.loss:.3g} nats per {self._learner.data.noun}"
        return ""

    def _go_back(self, problem: str, good: Snapshot) -> str:
        failed_at, policy = self._learner.model.steps, self._learner.policy
        good.put_back(self._learner)
        self._latest = good
        self._failures += 1
        if self._failures > self.RETRIES:
            raise TrainingDiverged(
                f"At step {failed_at} {problem}, after {self.RETRIES} retries with a learning rate halved each time "
                f"(now {policy.learnrate:.3g}). The model is back at step {good.steps}. "
                "Set a smaller ms.learnrate, or make a model with clip='norm' and a smaller clip_at."
            )
        policy.slow_down()
        return (
            f"At step {failed_at} {problem}: back to step {good.steps} with the learning rate halved "
            f"to {policy.learnrate:.3g} (retry {self._failures} of {self.RETRIES})."
        )
