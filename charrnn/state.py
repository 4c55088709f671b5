"""`ModelState`: a model, the text that it learns and its working directory, as one object to hold at the prompt."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from charrnn import describe
from charrnn.data import geometry
from charrnn.data.charset import UNKNOWN
from charrnn.data.encoding import encode
from charrnn.data.reading import ReadOptions, TextSource
from charrnn.errors import InvalidValue
from charrnn.generation import sampling
from charrnn.hyper import HyperParams
from charrnn.keeping import require_engine
from charrnn.looking import LookingModel
from charrnn.storage import lookup, timetravel
from charrnn.storage.thinning import thin
from charrnn.storage.workdir import WorkDir
from charrnn.training.learner import Learner
from charrnn.training.loop import Journal, Plan, Step, Training
from charrnn.training.summary import Round, TrainingSummary, in_units
from charrnn.training.timing import StepTimes, time_steps
from charrnn.training.validate import validation_loss

if TYPE_CHECKING:
    from charrnn.model.modeltypes import ModelType

FIRST_LOOK = {"batchsize": 16, "valid_len": 20}  # what the loss of an untrained model is measured on


class ModelState(LookingModel):
    """A character model at work: train it, let it write, ask it about texts, save it, come back to it.

    Make one with `initfromsrcfile` from a text, or with `load` from a working directory. Everything that it needs to
    go on is in the working directory, and every call that changes the model saves it there.

    Attributes
    ----------
    hyper : HyperParams
        What the model was made with.
    modeltype : str
        Cell and input stage, such as ``"GRUEncode"``.
    chars : CharSet
        The characters that the model knows.
    corpus : Corpus
        What is known of the text that it learns.
    place : Place
        Where training stands: epoch, position, hidden state of every stream.
    policy : charrnn.training.policies.Constant
        The learning-rate policy.
    checkpoint : Checkpoint or None
        The checkpoint last saved or restored.
    disk_budget : int
        Bytes that training lets checkpoints take, 2 GB unless set. After every save they are thinned: the best, the
        pinned, those with a note, and the first and last of each branch stay in any case; of the others all of the last
        8, every second of the last 16, every fourth of the last 32 and so on, as far as the budget goes.

    Examples
    --------
    >>> ms = ModelState.initfromsrcfile("alice.txt", "workdirs/alice", layers=2, state_size=256)  # doctest: +SKIP
    >>> ms.train(num_rounds=3)                                                                    # doctest: +SKIP
    >>> ms.generate(500, prompt="Alice ")                                                         # doctest: +SKIP
    >>> ms = ModelState.load("workdirs/alice")                                                    # doctest: +SKIP
    """

    disk_budget = 2_000_000_000

    @classmethod
    def initfromsrcfile(
        cls,
        srcfile: str | os.PathLike[str] | BinaryIO,
        usedir: str | os.PathLike[str],
        *,
        modeltype: str | ModelType = "GRUEncode",
        seq_len: int = 100,
        trainfrac: float = 0.9,
        init_checkpoint: bool = True,
        overwrite: bool = False,
        engine: str = "auto",
        threads: int | None = None,
        encoding: str | None = None,
        newlines: bool = True,
        lower: bool = False,
        gutenberg: bool = False,
        min_count: int = 0,
        hyper: HyperParams | None = None,
        **hyperparams: Any,
    ) -> Self:
        """Make a new model for a text, in a new working directory.

        Parameters
        ----------
        srcfile : path, "-" or binary stream
            The text to learn from; "-" is standard input.
        usedir : path
            The working directory to make.
        modeltype : str or ModelType
            Cell and input stage: ``"GRUEncode"`` (a tanh layer feeds the recurrent layers), ``"GRUResize"`` (the
            first recurrent layer takes the characters itself), or another of `charrnn.model.modeltypes.names()`.
        seq_len : int
            T, the number of characters that gradients flow back through.
        trainfrac : float
            The part of the text to learn from, in (0, 1]; the tail is for validation. 1 validates on the text learned.
        init_checkpoint : bool
            Measure the loss of the untrained model and save it as the first checkpoint.
        overwrite : bool
            Replace a model that is in `usedir` already.
        engine : {"auto", "numba", "jax"}
            What computes; "auto" is the environment's CHARRNN_ENGINE, else JAX where there is a GPU, else Numba.
        threads : int, optional
            Number of threads of the Numba engine; all cores by default.
        encoding : str, optional
            The text's encoding; found out by default.
        newlines, lower, gutenberg : bool
            Turn CRLF and CR into LF; lower-case the text; leave out Project Gutenberg's header and footer.
        min_count : int
            Fold characters that occur less often into U+FFFD.
        hyper : HyperParams, optional
            Hyperparameters to start from, such as ``HyperParams.preset("rngru")``.
        **hyperparams
            Any field of `HyperParams`.

        Raises
        ------
        SourceNotFound, SourceUnusable
            If there is no text to learn from in `srcfile`.
        ModelExists
            If `usedir` holds a model and `overwrite` is false.
        InvalidValue, UnknownName, EngineUnavailable
            If an argument makes no sense. Whatever is raised, no directory is left behind.
        """
        from charrnn.model import modeltypes

        hyper = (hyper or HyperParams()).replace(**hyperparams)
        kind = modeltypes.get(str(modeltype)).name  # by name, as the directory keeps it and `load` will look for it
        require_engine(engine, threads)
        options = ReadOptions(encoding=encoding, newlines=newlines, lower=lower, gutenberg=gutenberg)

        def facts(data: Path) -> dict[str, Any]:
            source = TextSource.open(srcfile, options)
            corpus = encode(source, data, seq_len=seq_len, trainfrac=trainfrac, min_count=min_count)
            unknown = any(ch == UNKNOWN or ch not in corpus.charset for ch in source.survey.counts_by_character)
            about = {"modeltype": kind, "hyper": hyper.to_json(), "corpus": corpus.to_json()}
            return {**about, "never_written": 0 if unknown else 1}

        ms = cls(WorkDir.create(usedir, facts, overwrite=overwrite), engine, threads)
        print(describe.corpus(ms.corpus))
        if init_checkpoint:
            loss = ms.calc_loss(**FIRST_LOOK)
            print(f"Before training: {in_units(loss)}; guessing evenly would be {np.log(len(ms.chars)):.3f}.")
            ms.newcheckpoint(loss, measured=FIRST_LOOK)
        return ms

    # Training

    def train(
        self,
        num_rounds: int = 1,
        batchsize: int = 16,
        train_len: int = 0,
        valid_len: int = 0,
        print_every: int = 1000,
        clear_state: bool = False,
        minutes: float | None = None,
        save_every: float = 10.0,
        callback: Callable[[Step], object] | None = None,
    ) -> TrainingSummary:
        """Train, from where training stands. Ctrl-C stops it with everything saved; train again to go on.

        A round is some training, a validation, a look at the learning rate, and a checkpoint.

        Parameters
        ----------
        num_rounds : int
            Number of rounds.
        batchsize : int
            B, the number of streams that the text is read in.
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

        Raises
        ------
        InvalidValue
            If an argument makes no sense.
        WorkdirLocked
            If another process is training this model.
        TrainingDiverged
            If the loss did not stay finite, at ever smaller learning rates.
        """
        plan = Plan(num_rounds, train_len, valid_len, print_every, minutes, save_every)
        if callback is not None and not callable(callback):
            raise InvalidValue(f"callback must be a function that takes a Step, not {callback!r}.")
        learner = self._learner(batchsize)
        with self._workdir.lock():
            if self.checkpoint is None:
                self.history.goto(0)
            else:
                timetravel.checkout(self._workdir, self.checkpoint)
            self._move_to(learner, clear_state)
            print(describe.training(self, learner, plan))
            measured = {"batchsize": learner.batchsize, "valid_len": valid_len}
            journal = Journal(partial(self._save, measured), self._training_sample, self._best_loss)
            return Training(learner, self.valid_data, plan, journal, callback).run()

    trainmodel = train

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
        loss = validation_loss(self.model, self.valid_data, batchsize, valid_len)
        assert loss is not None  # nobody calls it off
        return loss

    def regularized_loss(self, batchsize: int = 16) -> float:
        """Return the ancestor's figure: the validation loss plus the L2 penalty divided by B·T.

        It depends on the batch size, and is not comparable between models.
        """
        return self.calc_loss(batchsize=batchsize) + self.model.regularization() / (batchsize * self.valid_data.seq_len)

    def traintime(self, batchsize: int = 16) -> StepTimes:
        """Measure a training step and a validation step, in milliseconds; the model stays as it is."""
        return time_steps(self._learner(batchsize))

    def compile(self, batchsize: int = 16) -> None:
        """Compile now what would be compiled on first use, and print how long it took; the model stays as it is.

        The Numba engine does this once in each process, whatever the batch size. JAX does it for one batch size, and
        keeps the result on disk for later processes.
        """
        text = self.chars.chars[-1]
        uses: dict[str, Callable[[], object]] = {
            "writing": lambda: self.generate(sampling.BLOCK, prompt=text),
            "scoring": lambda: self.score(text),
            "neurons": lambda: self.trackneurons(text),
        }
        if self.has_text:
            uses = {"training and validation": lambda: time_steps(self._learner(batchsize), seconds=0), **uses}
        for what, use in uses.items():
            start = time.perf_counter()
            use()
            print(f"Compiled {what} in {time.perf_counter() - start:.1f} s.", flush=True)

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

    def _training_sample(self) -> str:
        """Write on from stream 0 as it stands; what is written depends only on the model and its number of steps."""
        state = None if self.place.state is None else self.place.state[:, 0]
        rng = np.random.default_rng([self.hyper.random_seed, self.model.steps])
        return self.generate(100, prompt="", init_state=state, rng=rng)

    def _best_loss(self) -> float | None:
        best = lookup.best(self.checkpoints)
        return best.loss if best else None


def generatestring(
    ms: ModelState,
    numchars: int = 100,
    temp: float = 0.5,
    seed: str = "\n",
    init_state: np.ndarray | None = None,
    ret_state: bool = False,
) -> np.ndarray | None:
    """Print a text written by a model; see `ModelState.generatestring`."""
    return ms.generatestring(numchars, temp, seed, init_state, ret_state)
