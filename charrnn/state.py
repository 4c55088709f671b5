"""`ModelState`: a model, the text that it learns and its working directory, as one object to hold at the prompt."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from charrnn import describe, recipes
from charrnn.data import geometry
from charrnn.data.document import Document
from charrnn.data.documentcorpus import DocumentCorpus
from charrnn.data.documents import Labels
from charrnn.data.encoding import Corpus
from charrnn.data.reading import ReadOptions
from charrnn.data.sources import DocumentOptions, MusicOptions, encode_source, holds_music
from charrnn.data.tables import Column
from charrnn.errors import InvalidValue
from charrnn.generation import sampling
from charrnn.generation.writing import BLOCK
from charrnn.hyper import NOTE_HEADS, HyperParams
from charrnn.insight.live import LivePlot
from charrnn.keeping import require_engine
from charrnn.living import not_while_training
from charrnn.looking import LookingModel
from charrnn.recipes import Recipe
from charrnn.storage import lookup, timetravel
from charrnn.storage.thinning import thin
from charrnn.storage.workdir import WorkDir
from charrnn.training.job import Job
from charrnn.training.learner import Learner
from charrnn.training.loop import Journal, Plan, Step, Training
from charrnn.training.screen import ALL
from charrnn.training.summary import Round, TrainingSummary, in_units
from charrnn.training.timing import StepTimes, time_steps
from charrnn.training.validate import validation_loss

if TYPE_CHECKING:
    from charrnn.model.modeltypes import CellMaker

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

    def __new__(cls, workdir: WorkDir, *args: Any, **options: Any) -> Self:
        """Return a `MusicState` for a model of music."""
        if cls is ModelState and "pieces" in workdir.model["corpus"]:
            from charrnn.musicstate import MusicState

            return object.__new__(MusicState)  # type: ignore[return-value]
        return object.__new__(cls)

    @classmethod
    def initfromsrcfile(
        cls,
        srcfile: str | os.PathLike[str] | BinaryIO | Iterable[str | Document] | Any,
        usedir: str | os.PathLike[str],
        *,
        preset: str | None = None,
        modeltype: str | CellMaker | None = None,
        seq_len: int | None = None,
        trainfrac: float | None = None,
        init_checkpoint: bool = True,
        overwrite: bool = False,
        engine: str = "auto",
        threads: int | None = None,
        encoding: str | None = None,
        newlines: bool = True,
        lower: bool | None = None,
        gutenberg: bool = False,
        strip_punctuation: bool = False,
        min_count: int = 0,
        documents: bool | None = None,
        text: Column | None = None,
        labels: Labels = (),
        kind: str | None = None,
        delimiter: str | None = None,
        header: bool | None = None,
        only: Mapping[str, str | Collection[str]] | None = None,
        min_documents: int | Mapping[str, int] = 1,
        dt: float | None = None,
        beats: float | None = None,
        onsets: bool = False,
        transpose: int | None = None,
        hyper: HyperParams | None = None,
        **hyperparams: Any,
    ) -> Self:
        """Make a new model for a text, or for documents such as poems, in a new working directory.

        Parameters
        ----------
        srcfile : path, "-" or binary stream; or documents
            The text to learn from; "-" is standard input. Documents are a CSV file, a file of JSON lines, a folder of
            files, a list of strings, a data frame, or a text with a `delimiter`.
        usedir : path
            The working directory to make.
        preset : str, optional
            A recipe of `charrnn.recipes.names()`, such as ``"best"`` or ``"poetrnn"``: hyperparameters and defaults of
            the other arguments, also of `train`.
        modeltype : str, ModelType, or a cell of your own
            Cell and input stage: ``"GRUEncode"``, the default (a tanh layer feeds the recurrent layers),
            ``"GRUResize"`` (the first of these takes the characters itself), or another of
            `charrnn.model.modeltypes.names()`. Or a class under `charrnn.Cell`, an instance, or a `functools.partial`
            of it; for another input stage than *encode*, ``ModelType("MineResize", Mine, "resize")``. Its source is
            recorded, to be read; `load` is then given the same again, as ``cell=``.
        seq_len : int
            T, the number of characters that gradients flow back through; 100 by default.
        trainfrac : float
            The part of the text to learn from, in (0, 1], 0.9 by default; the tail is for validation. 1 validates on
            the text learned.
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
        newlines, lower, gutenberg, strip_punctuation : bool
            Turn CRLF and CR into LF; lower-case the text; leave out Project Gutenberg's header and footer; leave out
            punctuation.
        min_count : int
            Fold characters that occur less often into U+FFFD.
        documents : bool, optional
            Whether the source is documents, each of which begins from a blank state and ends where it ends, or one
            continuous text. By default tables, folders and lists are documents, and so is whatever comes with one of
            the options that follow.
        text, labels, kind, delimiter, header, only, min_documents
            Which column is the text and which are labels, what separates documents, which labels to keep: see
            `charrnn.data.documents.Documents.open`.
        dt, beats, onsets, transpose
            For music, which a folder of MIDI files is, or a set of piano rolls: seconds or beats of a frame, whether
            struck keys are told from held ones, and by how many semitones at most pieces are shifted in training. The
            model is a `charrnn.musicstate.MusicState`.
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
        InvalidCell
            If a cell of your own contradicts itself; the message says where.
        InvalidValue, UnknownName, EngineUnavailable
            If an argument makes no sense. Whatever is raised, no directory is left behind.
        """
        from charrnn.model import cellrecord, modeltypes

        recipe = recipes.get(preset) if preset else Recipe()
        given = {"modeltype": modeltype, "seq_len": seq_len, "trainfrac": trainfrac, "lower": lower}
        recipe = recipe.but(**given, labels=labels or None, transpose=transpose)
        hyper = (hyper or recipe.hyper).replace(**hyperparams)
        mtype = modeltypes.get(recipe.modeltype)
        own = {"cell": cellrecord.record(mtype, hyper)} if mtype.own else {}
        require_engine(engine, threads)
        reading = ReadOptions(encoding, newlines, recipe.lower, gutenberg, strip_punctuation)
        options = DocumentOptions(documents, text, recipe.labels, kind, delimiter, header, only, min_documents)
        music = MusicOptions(dt, beats, onsets, recipe.transpose)
        if holds_music(srcfile, options, music) != (hyper.head in NOTE_HEADS):
            if hyper.head in NOTE_HEADS:
                raise InvalidValue(f"head={hyper.head!r} is for music, which {srcfile} is not.")
            hyper = hyper.replace(head="nade")

        def facts(data: Path) -> dict[str, Any]:
            corpus, never_written = encode_source(
                srcfile, data, recipe.seq_len, recipe.trainfrac, min_count, hyper.random_seed, reading, options, music
            )
            about = {"modeltype": mtype.name, **own, "hyper": hyper.to_json(), "corpus": corpus.to_json()}
            made = {"preset": preset, "batchsize": recipe.batchsize} if preset else {}
            return {**about, **made, "never_written": never_written}

        workdir = WorkDir.create(usedir, facts, overwrite=overwrite)
        ms = cls(workdir, engine, threads, cell=mtype if own else None)
        print(describe.corpus(ms.corpus))
        if init_checkpoint:
            loss = ms.calc_loss(**FIRST_LOOK)
            even = f"guessing evenly would be {ms.model.even_loss:.3f}"
            print(f"Before training: {in_units(loss, ms.valid_data.unit)}; {even}.")
            ms.newcheckpoint(loss, measured=FIRST_LOOK)
        return ms

    @not_while_training
    def finetune(
        self,
        srcfile: str | os.PathLike[str] | BinaryIO | Iterable[str | Document] | Any,
        usedir: str | os.PathLike[str],
        *,
        seq_len: int | None = None,
        trainfrac: float = 0.9,
        overwrite: bool = False,
        engine: str = "auto",
        threads: int | None = None,
        encoding: str | None = None,
        newlines: bool = True,
        lower: bool = False,
        gutenberg: bool = False,
        strip_punctuation: bool = False,
        min_count: int = 0,
        **hyperparams: Any,
    ) -> Self:
        """Make a new model that begins with what this one has learned, for another text; this one stays as it is.

        Its directory is its own, with a record of where it came from (`origin`). Characters that are new to it are read
        and predicted as U+FFFD was, until it has learned better. The learning rate is that of the hyperparameters; a
        smaller one than in the first training keeps more of it.

        Parameters
        ----------
        srcfile, usedir, trainfrac, overwrite, engine, threads
            As for `initfromsrcfile`. A model of documents goes on with documents, and any other with a text.
        seq_len : int, optional
            T; as it was by default.
        encoding, newlines, lower, gutenberg, strip_punctuation, min_count
            As for `initfromsrcfile`.
        **hyperparams
            Fields of `HyperParams` that are to change, such as `learnrate`; none that parameters depend on.

        Raises
        ------
        InvalidValue
            If one of these makes no sense, or the model has labels or is one of music.
        SourceNotFound, SourceUnusable, ModelExists, UnknownName, EngineUnavailable
            As for `initfromsrcfile`.

        Examples
        --------
        >>> ms = ModelState.load("workdirs/novels")                                        # doctest: +SKIP
        >>> tuned = ms.finetune("alice.txt", "workdirs/novels-alice", learnrate=3e-4)      # doctest: +SKIP
        >>> tuned.train(num_rounds=20, patience=3)                                         # doctest: +SKIP
        """
        from charrnn.model import warmstart

        hyper = warmstart.changed(self.hyper, **hyperparams)
        if not isinstance(self.corpus, Corpus | DocumentCorpus) or self.label_tables:
            raise InvalidValue("finetune takes models of texts or of documents without labels; make a new model.")
        require_engine(engine, threads)
        reading = ReadOptions(encoding, newlines, lower, gutenberg, strip_punctuation)
        options = DocumentOptions(documents=isinstance(self.corpus, DocumentCorpus))
        checkpoint = self.checkpoint.name if self.checkpoint else None
        origin = {"model": self.path.name, "id": self._workdir.id, "checkpoint": checkpoint, "text": self.corpus.source}

        def facts(data: Path) -> dict[str, Any]:
            length = self.corpus.seq_len if seq_len is None else seq_len
            corpus, never_written = encode_source(
                srcfile,
                data,
                length,
                trainfrac,
                min_count,
                hyper.random_seed,
                reading,
                options,
                MusicOptions(),
                self.chars,
            )
            about = {"hyper": hyper.to_json(), "corpus": corpus.to_json(), "never_written": never_written}
            return self._workdir.model | about | {"origin": origin}

        workdir = WorkDir.create(usedir, facts, overwrite=overwrite)
        cell = self._kind if "cell" in workdir.model else None
        tuned = type(self)(workdir, engine, threads, cell=cell)
        print(describe.corpus(tuned.corpus))
        warmstart.warm_start(tuned.model, self.model)
        loss = tuned.calc_loss(**FIRST_LOOK)
        new = "".join(tuned.chars.chars[len(self.chars) :])
        print(f"Beginning from {self.path.name}{f', to which {new!r} are new' if new else ''}: {in_units(loss)}.")
        tuned.newcheckpoint(loss, measured=FIRST_LOOK)
        return tuned

    # Training

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
    ) -> Any:
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

        The Numba engine does this once in each process, whatever the batch size. JAX does it for one batch size, and
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
