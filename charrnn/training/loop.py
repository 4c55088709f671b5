"""The training loop: rounds of steps, each followed by a validation, a learning-rate update, and a checkpoint."""

from __future__ import annotations

import itertools
import math
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from charrnn.training import patience
from charrnn.training.interrupt import StopRequest
from charrnn.training.learner import Guard, Learner
from charrnn.training.plan import Plan
from charrnn.training.progress import Moment, Progress
from charrnn.training.screen import ALL, SILENT
from charrnn.training.steplog import Step
from charrnn.training.summary import Round, TrainingSummary
from charrnn.training.validate import validate
from charrnn.wording import part, say, wrapped

if TYPE_CHECKING:
    from charrnn.data.streams.batch import Streams
    from charrnn.training.job import Job

FIRST_SAMPLE_SECONDS, SAMPLE_SECONDS = 8.0, 20.0  # seconds before the first sample, and between two
SAMPLE_SHARE = 0.05  # the share of the time that samples take at most


@dataclass(frozen=True)
class Journal:
    """The callables with which the loop saves and samples.

    Parameters
    ----------
    save : callable
        Saves everything, at the end of a round or (None) amid one, and returns the checkpoint's name.
    sample : callable
        Takes a temperature; returns some text written by the model as it is now.
    best : callable
        Returns the lowest loss so far of those that are compared, and what it was measured on ("" for the whole).
    last_loss : float, optional
        The validation loss that training begins with, where it was measured on the same.
    """

    save: Callable[[Round | None], str]
    sample: Callable[[float], str]
    best: Callable[[], tuple[float | None, str]]
    last_loss: float | None = None


class Training:
    """One call of training.

    Parameters
    ----------
    learner : Learner
    valid : DataSet, DocumentSet or PieceSet
        The validation data.
    plan : Plan
    journal : Journal
        Saves, and samples.
    callback : callable, optional
        Called with a `Step` after every training step. An error raised in it ends training, after saving.
    job : Job, optional
        Controls and shows the training, if it runs in the background.
    """

    def __init__(
        self,
        learner: Learner,
        valid: Streams,
        plan: Plan,
        journal: Journal,
        callback: Callable[[Step], object] | None = None,
        job: Job | None = None,
    ) -> None:
        self._learner, self._valid, self._plan, self._journal, self._callback = learner, valid, plan, journal, callback
        self._round_length = plan.train_len or learner.epoch_length
        self._rounds: list[Round] = []
        self._start = self._saved = time.monotonic()
        self._next_sample = self._start + FIRST_SAMPLE_SECONDS
        self._stop: StopRequest | Job = job or StopRequest()
        self._screen = job.screen if job else None
        self._last_saved = ""

    def run(self) -> TrainingSummary:
        """Train as planned, until the end or until someone asks to stop.

        An error that ends it has a note about what is saved.
        """
        with self._stop:
            try:
                for number in itertools.count(1):
                    checkpoint = self._round(number)
                    if self._stop.requested or self._time_is_up() or self._is_last(number) or self._out_of_patience():
                        break
            except BaseException as error:
                error.add_note(self._what_is_saved())
                steps = self._learner.model.steps
                error.add_note(f"The model in memory is at step {steps:,}, from where training again goes on.")
                raise
        best_loss, best_measured = self._journal.best()
        return TrainingSummary(
            rounds=tuple(self._rounds),
            checkpoint=checkpoint,
            best_loss=best_loss,
            seconds=time.monotonic() - self._start,
            interrupted=self._stop.requested,
            patience=self._plan.patience if self._out_of_patience() else None,
            monitor=self._plan.monitor,
            best_measured=best_measured,
        )

    def _round(self, number: int) -> str:
        """Train one round, validate, adapt the learning rate, save, and return the checkpoint's name."""
        learner, plan, start = self._learner, self._plan, time.monotonic()
        label = f"round {number}" if plan.minutes else f"round {number}/{plan.num_rounds}"
        guard = self._guard = Guard(learner)
        while True:
            last_loss = self._rounds[-1].valid_loss if self._rounds else self._journal.last_loss
            size, unit = self._batch_characters, learner.data.unit
            with Progress(label, self._round_length, size, last_loss, plan.verbose, self._screen, unit) as progress:
                steps = self._steps(number, guard, progress)
                seconds = time.monotonic() - start
                progress.validating()
                found = validate(learner.model, self._valid, learner.batchsize, plan.valid_len, self._stop.go_on)
                valid_loss = found.loss if found else None
            if valid_loss is None or math.isfinite(valid_loss):
                break
            self._say(guard.start_again(f"the validation loss became {valid_loss}"))
        round_ = Round(
            epoch=learner.epochs,
            step=learner.model.steps,
            train_loss=float(np.mean([loss for loss, _ in steps])) if steps else None,
            valid_loss=valid_loss,
            learnrate=learner.model.learnrate,
            batches=len(steps),
            characters=len(steps) * self._batch_characters,
            seconds=seconds,
            train_accuracy=float(np.mean([accuracy for _, accuracy in steps])) if steps else None,
            valid_accuracy=found.accuracy if found else None,
            valid_by_label=found.by_label if found else {},
            unit=learner.data.unit,
            measured=self._measured,
        )
        self._rounds.append(round_)
        # Too short to judge by: what the clock cut off, or less than both an epoch and what the policy asks for.
        cut_short = number > 1 and len(steps) < self._round_length
        cut_short |= len(steps) < min(learner.epoch_length, learner.policy.least_round)
        change = "" if valid_loss is None or cut_short else self._adapt(valid_loss)
        checkpoint = self._save(round_)
        more = f"\n  {round_.progress}; saved {checkpoint}" if plan.verbose == ALL else f", epoch {round_.epoch:.2f}"
        self._say(f"{label}: {round_.losses}{more}")
        if change:
            self._say(f"  {change}")
        return checkpoint

    def _say(self, text: str) -> None:
        if self._screen:
            self._screen.write(text)
        elif self._plan.verbose > SILENT:
            say(wrapped(text, "    "))

    def _steps(self, number: int, guard: Guard, progress: Progress) -> list[tuple[float, float]]:
        """Take the round's steps and return the loss and the accuracy of each."""
        learner, plan, start = self._learner, self._plan, self._learner.model.steps
        steps: list[tuple[float, float]] = []
        while len(steps) < self._round_length and self._stop.go_on() and not self._time_is_up():
            result, trouble = guard.step(self._progress(number, len(steps) + 1))
            if trouble:
                del steps[learner.model.steps - start :]
                progress.write(trouble)
                continue
            steps.append((result.loss, result.accuracy))
            progress.advance(len(steps), result.loss, partial(self._moment, number, len(steps), result.grad_norm))
            if plan.verbose == ALL and self._sample_is_due():
                self._show_samples(progress)
            self._call_back()
            if time.monotonic() - self._saved >= plan.save_every * 60:
                self._save(None)
        return steps

    def _sample_is_due(self) -> bool:
        """Whether it is time for samples: every `print_every` batches, or by the clock."""
        every = self._plan.print_every
        if every is not None:
            return every > 0 and self._learner.model.steps % every == 0
        return time.monotonic() >= self._next_sample

    def _show_samples(self, progress: Progress) -> None:
        progress.write(f"epoch {self._learner.epochs:.2f}, loss {progress.loss:.3f}.")
        started = time.monotonic()
        for temp in self._plan.sample_temps:
            try:
                sample = self._journal.sample(temp)
            except Exception as error:  # training matters more than its samples
                progress.write(f"The sample at temperature {temp:g} failed: {type(error).__name__}: {error}")
                continue
            progress.write(f"A sample at temperature {temp:g}:")
            progress.write(wrapped(textwrap.indent(sample, "    ", lambda line: True), "    "))
        ended = time.monotonic()
        self._next_sample = ended + max(SAMPLE_SECONDS, (ended - started) / SAMPLE_SHARE)

    def _moment(self, number: int, step: int, grad_norm: float) -> Moment:
        part = self._progress(number, step)
        seconds_left = (time.monotonic() - self._start) * (1 - part) / part
        return Moment(grad_norm, self._learner.model.learnrate, self._learner.epochs, seconds_left)

    def _call_back(self) -> None:
        if self._callback is None:
            return
        try:
            self._callback(self._learner.log.last)
        except BaseException:
            self._save(None)
            raise

    def _adapt(self, valid_loss: float) -> str:
        """Pass the loss to the policy; return a sentence if it changed the learning rate."""
        learner = self._learner
        if learner.policy.regularized:
            valid_loss += learner.model.regularization() / self._batch_characters
        return learner.policy.after_round(valid_loss, self._measured)

    def _save(self, round_: Round | None) -> str:
        if trouble := self._guard.settle():
            self._say(trouble)
        self._last_saved = self._journal.save(round_)
        self._saved = time.monotonic()
        return self._last_saved

    def _what_is_saved(self) -> str:
        if not self._last_saved:
            return "Nothing was saved since this training began."
        return f"All up to checkpoint {self._last_saved} is saved."

    @property
    def _measured(self) -> str:
        """The part of the validation data that losses are measured on; empty for the whole."""
        return part(self._plan.valid_len, self._learner.batchsize)

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

    def _out_of_patience(self) -> bool:
        figures = [round_.figure(self._plan.monitor) for round_ in self._rounds]
        return patience.is_exhausted(figures, self._plan.patience)
