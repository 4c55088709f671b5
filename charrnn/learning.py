"""How a model learns: training, at the prompt or behind it, and what is measured beside it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from charrnn import describe
from charrnn.data import geometry
from charrnn.data.documentcorpus import DocumentCorpus
from charrnn.errors import InvalidValue
from charrnn.generation import sampling
from charrnn.generation.writing import BLOCK
from charrnn.insight.live import LivePlot
from charrnn.living import not_while_training
from charrnn.looking import LookingModel
from charrnn.storage import lookup, timetravel
from charrnn.storage.thinning import thin
from charrnn.training.job import Job
from charrnn.training.learner import Learner
from charrnn.training.loop import Journal, Plan, Step, Training
from charrnn.training.screen import ALL
from charrnn.training.summary import Round, TrainingSummary
from charrnn.training.timing import StepTimes, time_steps
from charrnn.training.validate import validation_loss


class LearningModel(LookingModel):
    """What `ModelState` does with its text: training, validation, and how long they take."""

    disk_budget = 2_000_000_000

    @not_while_training
    def train(
        self,
        num_rounds: int = 1,
        batchsize: int | None = None,
        train_len: int = 0,
        valid_len: int = 0,
        print_every: int = 1000,
        clear_state: bool = False,
        minutes: float | None = None,
        save_every: float = 10.0,
        callback: Callable[[Step], object] | None = None,
        sample_temps: float | Sequence[float] = (0.5,),
        verbose: int = 2,
        patience: int | None = None,
        plot: bool = False,
        background: bool = False,
    ) -> TrainingSummary | Job:
        """Train, from where training stands. Ctrl-C stops it with everything saved; train again to go on.

        A round is some training, a validation, a look at the learning rate, and a checkpoint.

        Parameters
        ----------
        num_rounds : int
            Number of rounds.
        batchsize : int
            B, the number of streams that the text is read in; 16, or what the preset says.
        train_len : int
            Batches in a round; 0 for a whole epoch.
        valid_len : int
            Batches in a validation; 0 for the whole validation text.
        print_every : int
            Show the loss and a sample every so many batches; 0 for never.
        clear_state : bool
            Begin with blank hidden states.
        minutes : float, optional
            Train for so long instead of for `num_rounds`; the last round is as short as that makes it, and then leaves
            the learning rate alone unless it is the only one.
        save_every : float
            Minutes between checkpoints within a round.
        callback : callable
            Called with a `Step` after every batch; an error raised in it ends training, after saving.
        sample_temps : float or sequence of float
            The temperatures of the samples that are shown, one sample for each.
        verbose : {0, 1, 2}
            0 prints nothing, 1 a line a round, 2 a line of progress and samples too.
        patience : int, optional
            Stop when so many rounds in a row brought no validation loss below the best one of this call. The model
            stays as it is then; ``ms.restore("best")`` goes back to the best.
        plot : bool
            Show the curves of `plot` meanwhile: in a notebook a picture that follows, in a terminal a chart after every
            round.
        background : bool
            Train in a thread of its own and return a `Job` at once, `ms.job`: it tells how far it is, pauses, and
            stops. Nothing is printed, and Ctrl-C does not stop it. What the model is asked meanwhile it answers as it
            was after the last batch; `callback` is called in that thread.

        Returns
        -------
        TrainingSummary or Job
            What it did, or with `background` what goes on.

        Raises
        ------
        InvalidValue
            If an argument makes no sense.
        WorkdirLocked
            If another process is training this model.
        TrainingInBackground
            If it is training already.
        TrainingDiverged
            If the loss did not stay finite, at ever smaller learning rates.
        """
        temps = tuple(sampling.checked_temp(temp) for temp in np.ravel(sample_temps).tolist())
        plan = Plan(num_rounds, train_len, valid_len, print_every, minutes, save_every, temps, verbose, patience)
        if callback is not None and not callable(callback):
            raise InvalidValue(f"callback must be a function that takes a Step, not {callback!r}.")
        if plot and background:
            raise InvalidValue(
                "plot=True would write between what you type: leave it out, and call ms.plot() any time."
            )
        learner = self._learner(self._workdir.model.get("batchsize", 16) if batchsize is None else batchsize)
        if not background:
            return self._train(learner, plan, clear_state, callback, plot)
        quiet = dataclasses.replace(plan, print_every=0, verbose=ALL)  # the job shows all but samples
        self.job = Job(learner, lambda job: self._train(learner, quiet, clear_state, job.after_step, job=job), callback)
        self.job.start()
        if verbose > 1:
            print(describe.training(self, learner, plan, background=True))
        return self.job

    trainmodel = train

    def _train(
        self,
        learner: Learner,
        plan: Plan,
        clear_state: bool,
        callback: Callable[[Step], object] | None,
        plot: bool = False,
        job: Job | None = None,
    ) -> TrainingSummary:
        with self._workdir.lock():
            if self.checkpoint is None:
                self.history.goto(0)
            else:
                timetravel.checkout(self._workdir, self.checkpoint)
            self._move_to(learner, clear_state)
            if plan.verbose == ALL and not job:
                print(describe.training(self, learner, plan))
            measured = {"batchsize": learner.batchsize, "valid_len": plan.valid_len}
            last_loss = self.checkpoint.loss if self.checkpoint else None
            save: Callable[[Round | None], str] = partial(self._save, measured)
            if plot:
                picture = LivePlot(self.plot)
                callback, save = picture.after(callback), picture.after(save, at_once=True)
            journal = Journal(save, self._training_sample, self._best_loss, last_loss)
            return Training(learner, self.valid_data, plan, journal, callback, job).run()

    def calc_loss(self, valid_len: int = 0, batchsize: int = 16) -> float:
        """Return the loss on the validation text in nats per character, without L2; nothing changes.

        Parameters
        ----------
        valid_len : int
            Number of batches; 0 for the whole text.
        batchsize : int
            Number of streams, each of which starts from a blank state.
        """
        geometry.require_count("batchsize", batchsize)
        Plan(valid_len=valid_len)  # raises if that makes no sense
        return validation_loss(self.model, self.valid_data, batchsize, valid_len)

    def regularized_loss(self, batchsize: int = 16) -> float:
        """Return the ancestor's figure: the validation loss plus the L2 penalty divided by B·T.

        It depends on the batch size, and is not comparable between models.
        """
        return self.calc_loss(batchsize=batchsize) + self.model.regularization() / (batchsize * self.valid_data.seq_len)

    @not_while_training
    def traintime(self, batchsize: int = 16) -> StepTimes:
        """Measure a training step and a validation step, in milliseconds; the model stays as it is."""
        return time_steps(self._learner(batchsize))

    @not_while_training
    def compile(self, batchsize: int = 16) -> None:
        """Compile now what would be compiled on first use, and print how long it took; the model stays as it is.

        The CPU engine does this once in each process, whatever the batch size. JAX does it for one batch size, and
        keeps the result on disk for later processes.
        """
        uses = self._uses()
        if self.has_text:
            uses = {"training and validation": lambda: time_steps(self._learner(batchsize), seconds=0), **uses}
        for what, use in uses.items():
            start = time.perf_counter()
            use()
            print(f"Compiled {what} in {time.perf_counter() - start:.1f} s.", flush=True)

    def _uses(self) -> dict[str, Callable[[], object]]:
        """Return what compiles by being used, besides training."""
        text = self.chars.chars[-1]
        return {
            "writing": lambda: self.generate(BLOCK, prompt=text),
            "scoring": lambda: self.score(text),
            "neurons": lambda: self.trackneurons(text),
        }

    # How training works on this object

    def _learner(self, batchsize: int) -> Learner:
        fitted = self.train_data.fit(batchsize)
        if fitted.note:
            print(fitted.note)
        return Learner(self.model, self.train_data, self.place, self.policy, fitted.batchsize, self._steplog)

    def _move_to(self, learner: Learner, clear_state: bool) -> None:
        """Make the hidden states fit the batch size, keeping the part of the epoch that is done."""
        place = self.place
        if place.state is not None and place.state.shape[1] != learner.batchsize:
            former = self.train_data.batchepoch(place.state.shape[1])
            place.pos = place.pos * learner.epoch_length // former
            place.state = None
        if clear_state:
            place.state = None

    def _save(self, measured: dict[str, int], round_: Round | None) -> str:
        """Save at the end of a round or (None) amid one; `measured` says what a validation loss is measured on."""
        if round_ is None:
            checkpoint = self.newcheckpoint()
        else:
            self._write_history(round_.to_json())  # before the checkpoint, which tells where the history stood
            facts = {"train_loss": round_.train_loss, "sample": self._training_sample(), "measured": measured}
            checkpoint = self.newcheckpoint(round_.valid_loss, **facts)
        thin(self._workdir, max_bytes=self.disk_budget)
        return checkpoint.name

    def _training_sample(self, temp: float = 0.5) -> str:
        """Write on from stream 0 as it stands, or a document.

        What is written depends only on the model and its number of steps.
        """
        rng = np.random.default_rng([self.hyper.random_seed, self.model.steps])
        if isinstance(self.corpus, DocumentCorpus):
            return self.generate(300, temp, rng=rng)
        state = None if self.place.state is None else self.place.state[:, 0]
        return self.generate(100, temp, prompt="", init_state=state, rng=rng)

    def _best_loss(self) -> float | None:
        best = lookup.best(self.checkpoints)
        return best.loss if best else None
