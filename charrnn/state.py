"""`ModelState`: a model, the text that it learns and its working directory, as one object to hold at the prompt."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from charrnn.data.budget import LIMIT
from charrnn.data.documents.csvtables import Column
from charrnn.data.documents.document import Document
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.documents.source import Delimiter, Labels
from charrnn.data.music.options import MusicOptions
from charrnn.data.text.source import ReadOptions
from charrnn.session import checkpoints, look, make, show, write
from charrnn.session import train as training
from charrnn.session.kinds import refusable
from charrnn.session.session import Session
from charrnn.settings.hyper import HyperParams
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.workdir import WorkDir

if TYPE_CHECKING:
    from charrnn.model.cells.modeltypes import CellMaker


class ModelState(Session):
    """A character-level model in its working directory: train, generate, score, look inside, save, resume.

    `initfromsrcfile` makes one from a text; `load` opens one from a working directory. The working directory holds
    everything that training needs, and every call that changes the model saves it there.

    ===============  ==================================================================================================
    make and open    `initfromsrcfile`, `load`, `finetune`, `import_`, `fromancestor`, `unrestored`
    train            `train` (= `trainmodel`), `calc_loss`, `test_loss`, `regularized_loss`, `traintime`, `compile`
    write and score  `generate`, `stream`, `generatestring`, `excerpt`, `score`, `classify`, `vectors`
    look inside      `neurons`, `find_neurons`, `trackneurons`, `saliency`, `statistics`, `explain`, `check_gradients`
    pictures, pages  `plot`, `report`, `share`
    checkpoints      `restore`, `newcheckpoint`, `log`, `checkout`, `branch`, `pin`, `unpin`, `note`, `diff`, `verify`,
                     `export`
    facts            `hyper`, `modeltype`, `chars`, `corpus`, `place`, `policy`, `checkpoint`, `checkpoints`, `history`,
                     `learnrate`, `epochs`, `steps`, `engine`, `path`
    ===============  ==================================================================================================

    Models of texts, of documents and of music are all of this class; what has no meaning for a kind of data is refused
    in a sentence, and `dir` leaves it out.

    Attributes
    ----------
    hyper : HyperParams
        The hyperparameters that the model was made with.
    modeltype : str
        Cell and input stage, such as ``"GRUEncode"``.
    chars : CharSet
        The characters that the model knows.
    corpus : Corpus
        The record of the encoded text, documents or pieces.
    place : Place
        The place of training: epoch, position, hidden state of every stream.
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

    # Make and open

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
        gutenberg: bool | None = None,
        strip_punctuation: bool = False,
        min_count: int = 0,
        documents: bool | None = None,
        text: Column | None = None,
        labels: Labels = (),
        kind: str | None = None,
        delimiter: Delimiter | None = None,
        header: bool | None = None,
        only: Mapping[str, str | Collection[str]] | None = None,
        min_documents: int | Mapping[str, int] = 1,
        dt: float | None = None,
        beats: float | None = None,
        onsets: bool = False,
        transpose: int | None = None,
        pedal: bool = True,
        memory_limit: float = LIMIT,
        testfrac: float = 0.0,
        validfile: Any = None,
        testfile: Any = None,
        hyper: HyperParams | None = None,
        **hyperparams: Any,
    ) -> Self:
        """Make a new model for a text, or for documents such as poems, in a new working directory.

        Parameters
        ----------
        srcfile : path, "-" or binary stream; list of paths; or documents
            The text to learn from; "-" is standard input. Documents are a table (CSV, JSON), a folder or list of files,
            a list of strings, a data frame, or a text with a `delimiter`. Music is MIDI files or piano rolls.
        usedir : path
            The working directory to make.
        preset : str, optional
            A recipe of `charrnn.recipes.names()`, such as ``"best"`` or ``"poetrnn"``: hyperparameters and defaults of
            the other arguments, also of `train`.
        modeltype : str, ModelType, or a cell of your own
            Cell and input stage: ``"GRUEncode"``, the default (a tanh layer feeds the recurrent layers),
            ``"GRUResize"`` (the first of these takes the characters itself), or another of
            `charrnn.model.cells.modeltypes.names()`. Or a class under `charrnn.Cell`, an instance, or a
            `functools.partial` of it; for another input stage than *encode*, ``ModelType("MineResize", Mine,
            "resize")``. Its source is recorded, to be read; `load` is then given the same again, as ``cell=``.
        seq_len : int
            T, the number of characters that gradients flow back through; 100 by default.
        trainfrac : float
            The part of the text to learn from, in (0, 1], 0.9 by default; the tail is for validation. 1 validates on
            the text learned.
        init_checkpoint : bool
            Measure the loss of the untrained model and save it as the first checkpoint.
        overwrite : bool
            Replace a model that is in `usedir` already.
        engine : {"auto", "cpu", "jax"}
            The engine; "auto" is the environment's CHARRNN_ENGINE, else JAX where there is a GPU, else the CPU.
        threads : int, optional
            Number of threads of the CPU engine; all cores by default.
        encoding : str, optional
            The text's encoding; found out by default.
        newlines, lower, gutenberg, strip_punctuation : bool
            Turn CRLF and CR into LF; lower-case the text; leave out what stands outside of Project Gutenberg's markers,
            by default where a text has both; leave out punctuation.
        min_count : int
            Fold characters that occur less often into U+FFFD.
        documents : bool, optional
            Whether the source is documents, each of which begins from a blank state and ends where it ends, or one
            continuous text, which the files of a folder or list make as well. By default tables, folders and lists are
            documents, and so is whatever comes with one of the options that follow.
        kind : {"text", "documents", "music", "csv", "jsonl", "json"}, optional
            What the source is, where that is not as it seems: a kind of data, or the format of a table of documents.
        text, labels, delimiter, header, only, min_documents
            Which column is the text and which are labels, what separates documents, which labels to keep: see
            `charrnn.data.documents.source.Documents.open`.
        dt, beats, onsets, transpose
            For music: seconds or beats of a frame, whether to distinguish struck from held keys, and by how many
            semitones at most pieces are shifted in training. Each of them says that the source is music.
        pedal : bool
            Whether notes of MIDI files last as long as the sustain pedal holds them.
        memory_limit : float
            Gigabytes of memory that music may take while it is read.
        testfrac : float
            The part of the source to test on, for `test_loss`; what `trainfrac` and it leave is for validation.
        validfile, testfile : as `srcfile`, optional
            Other sources of the same kind to validate and to test on, read in the same way. Characters that `srcfile`
            lacks are U+FFFD there, and labels that it lacks are none.
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
            If an argument has the wrong type or is out of range; the message says what was expected. Whatever is
            raised, no directory is left behind.
        """
        return make.new(
            cls,
            srcfile,
            usedir,
            preset=preset,
            modeltype=modeltype,
            seq_len=seq_len,
            trainfrac=trainfrac,
            init_checkpoint=init_checkpoint,
            overwrite=overwrite,
            engine=engine,
            threads=threads,
            min_count=min_count,
            reading=ReadOptions(encoding, newlines, bool(lower), gutenberg, strip_punctuation),
            documents=DocumentOptions(documents, text, labels, kind, delimiter, header, only, min_documents),
            music=MusicOptions(dt, beats, onsets, transpose or 0, pedal, memory_limit),
            lower=lower,
            transpose=transpose,
            testfrac=testfrac,
            validfile=validfile,
            testfile=testfile,
            hyper=hyper,
            hyperparams=hyperparams,
        )

    @classmethod
    def load(
        cls,
        workdir: str | os.PathLike[str],
        checkpoint: str | int | Checkpoint | None = None,
        *,
        cell: CellMaker | None = None,
        engine: str = "auto",
        threads: int | None = None,
    ) -> Self:
        """Open a working directory; compiled functions come on first use.

        Parameters
        ----------
        workdir : path
        checkpoint : str, int or Checkpoint, optional
            The last one by default; ``"best"``, a name, or an index into `checkpoints`.
        cell : Cell class, instance or maker
            For a model whose cell is the user's own: what was given to `initfromsrcfile`. Nothing in a directory is
            ever run, so the class itself must come from here; its recorded source can be read.
        engine, threads
            As for `initfromsrcfile`; they need not be those that the model was trained with. Training goes on bit
            for bit with the same ones on the same machine; with others it differs by rounding, see
            `charrnn.model.model.Model`.

        Raises
        ------
        NotAModelDirectory
            If there is no working directory.
        CheckpointNotFound, CorruptFile, NewerFormat
            If the checkpoint is not there or cannot be used. Of a damaged one the message names the last good one, to
            be loaded by its name.
        UnknownName, EngineUnavailable, InvalidValue
            If there is no such engine, or the number of threads is not a whole number from 1 up.
        CellNeeded
            If the model has a cell of the user's own, and `cell` is not given; the message shows its source.
        InvalidCell
            If `cell` has other states or parameters than the model.

        Warns
        -----
        UserWarning
            If the step of `cell` was edited since the model was made.
        """
        return make.restored(cls, workdir, checkpoint, cell, engine, threads)

    @classmethod
    def unrestored(
        cls,
        workdir: str | os.PathLike[str],
        engine: str = "auto",
        threads: int | None = None,
        cell: CellMaker | None = None,
    ) -> Self:
        """Open a working directory of which no checkpoint may be readable, to see what can be saved; see `load`.

        The model is a new one until `restore` is called.
        """
        return cls(WorkDir.open(workdir), engine, threads, cell)

    @classmethod
    def import_(
        cls,
        file: str | os.PathLike[str],
        usedir: str | os.PathLike[str],
        *,
        cell: CellMaker | None = None,
        overwrite: bool = False,
        engine: str = "auto",
        threads: int | None = None,
    ) -> Self:
        """Make a working directory from a file that `export` wrote. Without the text, it writes and scores.

        Parameters
        ----------
        file : path
        usedir : path
            The working directory to make.
        cell
            As for `load`.
        overwrite, engine, threads
            As for `initfromsrcfile`.

        Raises
        ------
        NotAModelDirectory, CorruptFile, NewerFormat
            If the file is not there, is no such file, is damaged, or a later charrnn wrote it.
        CellNeeded, InvalidCell
            As `load`.
        ModelExists, InvalidValue, WorkdirLocked, SaveFailed
            If the directory cannot be made; nothing is left behind.
        """
        return make.imported(cls, file, usedir, cell, overwrite, engine, threads)

    @classmethod
    def fromancestor(
        cls,
        file: str | os.PathLike[str],
        usedir: str | os.PathLike[str],
        chars: Sequence[str],
        *,
        overwrite: bool = False,
        engine: str = "auto",
        threads: int | None = None,
        **hyperparams: Any,
    ) -> Self:
        """Make a working directory from a parameter file (``...-model.npz``) of the Theano program before charrnn.

        Nothing in it is unpickled. Without a text, it writes and scores.

        Parameters
        ----------
        file : path
        usedir : path
            The working directory to make.
        chars : str or sequence of str
            The characters in the order of their indices, which the file does not hold; U+FFFD, the first, may be left
            out.
        overwrite, engine, threads
            As for `initfromsrcfile`.
        **hyperparams
            Fields of `HyperParams` that are not as in ``HyperParams.preset("rngru")``; sizes are in the file.

        Raises
        ------
        NotAModelDirectory, CorruptFile
            If there is no such file, or it is damaged or of another kind.
        InvalidValue, UnknownName
            If `chars` are not as many as the file is for, or a hyperparameter is out of range.
        ModelExists, WorkdirLocked, SaveFailed
            If the directory cannot be made; nothing is left behind.
        """
        return make.of_ancestor(cls, file, usedir, chars, overwrite, engine, threads, hyperparams)

    finetune = make.finetune

    # Train

    train = trainmodel = training.train
    calc_loss = training.calc_loss
    test_loss = training.test_loss
    regularized_loss = training.regularized_loss
    traintime = training.traintime
    compile = training.compile

    # Write and score

    generate = write.generate
    stream = write.stream
    generatestring = write.generatestring
    excerpt = write.excerpt
    score = write.score
    classify = write.classify
    vectors = write.vectors

    # Look inside

    neurons = look.neurons
    find_neurons = look.find_neurons
    trackneurons = look.trackneurons
    saliency = look.saliency
    statistics = look.statistics
    explain = look.explain
    check_gradients = look.check_gradients
    plot = look.plot

    # Checkpoints

    restore = checkpoints.restore
    newcheckpoint = checkpoints.newcheckpoint
    log = checkpoints.log
    checkout = checkpoints.checkout
    branch = checkpoints.branch
    pin = checkpoints.pin
    unpin = checkpoints.unpin
    note = checkpoints.note
    diff = checkpoints.diff
    verify = checkpoints.verify
    export = checkpoints.export

    # Pages

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write a page about the model: curves, samples, surprises, units, text, settings, commands.

        Parameters
        ----------
        path : path
            A file that ends in .html. A page that charrnn wrote is replaced, anything else never.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InvalidValue
            If the name does not end in .html.
        SaveFailed
            If the directory does not exist or cannot be written, or the path is a file that charrnn did not write.

        Examples
        --------
        >>> ms.report("alice.html")  # doctest: +SKIP
        """
        from charrnn.pages import page, report

        target = page.checked_path(path)
        return page.write(target, report.report_page(self))

    @refusable
    def share(self, path: str | os.PathLike[str], title: str | None = None) -> Path:
        """Write a page in which the model writes, in any browser and offline.

        With a seed the page writes the text of ``ms.generate(rng=seed)``, except for the rounding of its parameters to
        float16; see `charrnn.pages.sharing.share_page`.

        Parameters
        ----------
        path : path
            A file that ends in .html. A page that charrnn wrote is replaced, anything else never.
        title : str, optional
            The page's title; the name of the text by default.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InvalidValue
            If the name does not end in .html, or the model's cell has no translation.
        SaveFailed
            If the directory does not exist or cannot be written, or the path is a file that charrnn did not write.

        Examples
        --------
        >>> ms.share("poet.html", title="A poet")  # doctest: +SKIP
        """
        from charrnn.pages import page, sharing

        target = page.checked_path(path)
        return page.write(target, sharing.share_page(self, title or self.corpus.source))

    __repr__ = show.text
    _repr_html_ = show.page


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
