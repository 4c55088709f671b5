"""`ModelState`: a model, the text that it learns and its working directory, as one object to hold at the prompt."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from charrnn import checks
from charrnn.data.documents.corpus import DocumentCorpus
from charrnn.data.documents.document import Document
from charrnn.data.documents.source import Labels
from charrnn.data.documents.tables import Column
from charrnn.data.sources import DocumentOptions, MusicOptions, encode_source, holds_music
from charrnn.data.text.corpus import TextCorpus as Corpus
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue
from charrnn.session import show as describe
from charrnn.session.live import not_while_training
from charrnn.session.session import require_engine
from charrnn.session.train import LearningModel
from charrnn.settings import recipes
from charrnn.settings.hyper import NOTE_HEADS, HyperParams
from charrnn.settings.recipes import Recipe
from charrnn.storage.creation import resolve
from charrnn.storage.workdir import WorkDir
from charrnn.training.summary import in_units

if TYPE_CHECKING:
    from charrnn.model.modeltypes import CellMaker

FIRST_LOOK = {"batchsize": 16, "valid_len": 20}  # what the loss of an untrained model is measured on


class ModelState(LearningModel):
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

    def __new__(cls, workdir: WorkDir, *args: Any, **options: Any) -> Self:
        """Return a `MusicState` for a model of music."""
        if cls is ModelState and "pieces" in workdir.model["corpus"]:
            from charrnn.tasks.musicstate import MusicState

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
            `charrnn.data.documents.source.Documents.open`.
        dt, beats, onsets, transpose
            For music, which a folder of MIDI files is, or a set of piano rolls: seconds or beats of a frame, whether
            struck keys are told from held ones, and by how many semitones at most pieces are shifted in training. The
            model is a `charrnn.tasks.musicstate.MusicState`.
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

        checks.flag("init_checkpoint", init_checkpoint)
        checks.flag("overwrite", overwrite)
        if hyper is not None and not isinstance(hyper, HyperParams):
            raise InvalidValue(f"hyper={hyper!r}: expected HyperParams(...); or name them here, as in layers=2.")
        if preset and hyper is not None:
            raise InvalidValue("preset and hyper both say what to start from: give one, and single hyperparameters.")
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
        if hyper.tied:  # before there is a directory
            from charrnn.model.network import require_tieable

            require_tieable(mtype.stage, one_output_each=hyper.head != "nade")

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

        checks.flag("overwrite", overwrite)
        if overwrite and resolve(usedir) == self.path:
            raise InvalidValue(f"{self.path} is where this model is, which stays as it is: choose another directory.")
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
