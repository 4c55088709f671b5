"""The training loop: rounds of steps, each followed by a validation, a look at the learning rate, and a checkpoint."""

from __future__ import annotations

import itertools
import math
import numbers
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.training.interrupt import StopRequest
from charrnn.training.learner import Guard, Learner
from charrnn.training.progress import Progress
from charrnn.training.summary import Round, TrainingSummary
from charrnn.training.validate import validation_loss

if TYPE_CHECKING:
    from charrnn.data.dataset import DataSet
    from charrnn.model.model import StepResult


@dataclass(frozen=True)
class Plan:
    """How long to train, and how often to do what; see `ModelState.train`."""

    num_rounds: int = 1
    train_len: int = 0
    valid_len: int = 0
    print_every: int = 1000
    minutes: float | None = None
    save_every: float = 10.0

    def __post_init__(self) -> None:
        for name, least in {"num_rounds": 1, "train_len": 0, "valid_len": 0, "print_every": 0}.items():
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise InvalidValue(f"{name} must be a whole number of at least {least}, not {value!r}.")
        durations = {"save_every": self.save_every, **({} if self.minutes is None else {"minutes": self.minutes})}
        for name, value in durations.items():
            if not isinstance(value, numbers.Real) or isinstance(value, bool) or not value > 0:
                raise InvalidValue(f"{name} must be a number of minutes above 0, not {value!r}.")


@dataclass(frozen=True)
class Step:
    """What a callback is told after every training step; `loss` in nats per character."""

    epoch: int
    pos: int
    step: int
    loss: float
    grad_norm: float
    learnrate: float


@dataclass(frozen=True)
class Journal:
    """What the loop needs of the one who keeps the model.

    Parameters
    ----------
    save : callable
        Saves everything, at the end of a round or (None) amid one, and returns the checkpoint's name.
    sample : callable
        Returns some text written by the model as it is now.
    best_loss : callable
        Returns the lowest validation loss so far.
    """

    save: Callable[[Round | None], str]
    sample: Callable[[], str]
    best_loss: Callable[[], float | None]


class Training:
    """One call of training.

    Parameters
    ----------
    learner : Learner
    valid : DataSet
        The text to validate on.
    plan : Plan
    journal : Journal
        Saves, and samples.
    callback : callable, optional
        Called with a `Step` after every training step. An error raised in it ends training, after saving.
    """

    def __init__(
        self,
        learner: Learner,
        valid: DataSet,
        plan: Plan,
        journal: Journal,
        callback: Callable[[Step], object] | None = None,
    ) -> None:
        self._learner, self._valid, self._plan, self._journal, self._callback = learner, valid, plan, journal, callback
        self._round_length = plan.train_len or learner.epoch_length
        self._rounds: list[Round] = []
        self._start = self._saved = time.monotonic()
        self._stop = StopRequest()

    def run(self) -> TrainingSummary:
        """Train as planned, until the end or until someone asks to stop."""
        with self._stop:
            for number in itertools.count(1):
                checkpoint = self._round(number)
                if self._stop.requested or self._time_is_up() or self._is_last(number):
                    break
        return TrainingSummary(
            rounds=tuple(self._rounds),
            checkpoint=checkpoint,
            best_loss=self._journal.best_loss(),
            seconds=time.monotonic() - self._start,
            interrupted=self._stop.requested,
        )

    def _round(self, number: int) -> str:
        """Train one round, validate, adapt the learning rate, save, and return the checkpoint's name."""
        learner, plan, start = self._learner, self._plan, time.monotonic()
        label = f"round {number}" if plan.minutes else f"round {number}/{plan.num_rounds}"
        guard = Guard(learner)
        while True:
            with Progress(label, self._round_length, self._batch_characters) as progress:
                losses = self._steps(number, guard, progress)
            seconds = time.monotonic() - start
            valid_loss = validation_loss(
                learner.model, self._valid, learner.batchsize, plan.valid_len, lambda: not self._stop.requested
            )
            if valid_loss is None or math.isfinite(valid_loss):
                break
            print(guard.start_again(f"the validation loss became {valid_loss}"), flush=True)
        round_ = Round(
            epoch=learner.epochs,
            step=learner.model.steps,
            train_loss=float(np.mean(losses)) if losses else None,
            valid_loss=valid_loss,
            learnrate=learner.model.learnrate,
            batches=len(losses),
            characters=len(losses) * self._batch_characters,
            seconds=seconds,
        )
        self._rounds.append(round_)
        # Too short to judge by: what the clock cut off, or less than both an epoch and what the policy asks for.
        cut_short = number > 1 and len(losses) < self._round_length
        cut_short |= len(losses) < min(learner.epoch_length, learner.policy.least_round)
        change = "" if valid_loss is None or cut_short else self._adapt(valid_loss)
        checkpoint = self._save(round_)
        print(f"{label}: {round_.losses}\n  {round_.progress}; saved {checkpoint}", flush=True)
        if change:
            print(f"  {change}", flush=True)
        return checkpoint

    def _steps(self, number: int, guard: Guard, progress: Progress) -> list[float]:
        """Take the round's steps and return their losses."""
        learner, plan, start = self._learner, self._plan, self._learner.model.steps
        losses: list[float] = []
        while len(losses) < self._round_length and not (self._stop.requested or self._time_is_up()):
            result, trouble = guard.step(self._progress(number, len(losses) + 1))
            if trouble:
                del losses[learner.model.steps - start :]
                progress.write(trouble)
                continue
            losses.append(result.loss)
            progress.advance(f"loss {np.mean(losses[-100:]):.3f}", to=len(losses))
            if plan.print_every and learner.model.steps % plan.print_every == 0:
                progress.write(f"epoch {learner.epochs:.2f}, loss {np.mean(losses[-100:]):.3f}. A sample:")
                progress.write(textwrap.indent(self._journal.sample(), "    ", lambda line: True))
            self._call_back(result)
            if time.monotonic() - self._saved >= plan.save_every * 60:
                self._save(None)
        return losses

    def _call_back(self, result: StepResult) -> None:
        if self._callback is None:
            return
        learner = self._learner
        place, model = learner.place, learner.model
        try:
            self._callback(Step(place.epoch, place.pos, model.steps, result.loss, result.grad_norm, model.learnrate))
        except BaseException:
            self._save(None)
            raise

    def _adapt(self, valid_loss: float) -> str:
        """Let the policy see the loss; return a sentence if it changed the learning rate."""
        learner, plan = self._learner, self._plan
        if learner.policy.regularized:
            valid_loss += learner.model.regularization() / self._batch_characters
        yardstick = f"{plan.valid_len or 'all'} batches of {learner.batchsize} streams"
        return learner.policy.after_round(valid_loss, yardstick)

    def _save(self, round_: Round | None) -> str:
        name = self._journal.save(round_)
        self._saved = time.monotonic()
        return name

    @property
    def _batch_characters(self) -> int:
        return self._learner.batchsize * self._learner.data.seq_len

    def _progress(self, number: int, step: int) -> float:
        """Return how much of the whole call a step of a round completes, in (0, 1]."""
        if self._plan.minutes:
            return min(1.0, max(1e-9, (time.monotonic() - self._start) / (60 * self._plan.minutes)))
        return ((number - 1) * self._round_length + step) / (self._plan.num_rounds * self._round_length)

    def _time_is_up(self) -> bool:
        return self._plan.minutes is not None and time.monotonic() - self._start >= 60 * self._plan.minutes

    def _is_last(self, number: int) -> bool:
        return self._plan.minutes is None and number >= self._plan.num_rounds
