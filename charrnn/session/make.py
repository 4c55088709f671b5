"""Sessions made: of a new model, of a directory, of a bundle, of the ancestor's file, of another model."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from charrnn import checks
from charrnn.data.documents.csvtables import Column
from charrnn.data.documents.document import Document
from charrnn.data.documents.options import DocumentOptions
from charrnn.data.documents.source import Delimiter
from charrnn.data.music.options import MusicOptions
from charrnn.data.reading import TRAINFRAC, Reading, given_paths
from charrnn.data.recognise import recognise, settled, source_like, with_parts
from charrnn.data.sources import named
from charrnn.data.text.source import ReadOptions
from charrnn.errors import InvalidValue, NotTrainedYet
from charrnn.session import ancestor, record
from charrnn.session.facts import Facts
from charrnn.session.kinds import refusable
from charrnn.session.live import not_while_training
from charrnn.session.session import Session, require_engine
from charrnn.settings import recipes
from charrnn.settings.hyper import HyperParams
from charrnn.settings.recipes import Recipe
from charrnn.storage.bundle import export_bundle, import_bundle
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.creation import resolve
from charrnn.storage.legacy import read_legacy
from charrnn.storage.workdir import WorkDir
from charrnn.tasks import task_type
from charrnn.training.summary import in_units
from charrnn.training.validate import validation_loss
from charrnn.wording import say

if TYPE_CHECKING:
    from charrnn.model.cells.modeltypes import CellMaker

S = TypeVar("S", bound="Session")
Given = str | os.PathLike[str] | BinaryIO | Iterable[str | Document] | Any

ROUNDING, DIGITS = 1e-9, 9  # of parts of a source
FIRST_LOOK = {"batchsize": 16, "valid_len": 20}  # what the loss of an untrained model is measured on


def new(
    cls: type[S],
    srcfile: Given,
    usedir: str | os.PathLike[str],
    *,
    preset: str | None,
    modeltype: str | CellMaker | None,
    seq_len: int | None,
    trainfrac: float | None,
    init_checkpoint: bool,
    overwrite: bool,
    engine: str,
    threads: int | None,
    min_count: int,
    reading: ReadOptions,
    documents: DocumentOptions,
    music: MusicOptions,
    lower: bool | None,
    transpose: int | None,
    testfrac: float,
    validfile: Given | None,
    testfile: Given | None,
    hyper: HyperParams | None,
    hyperparams: dict[str, Any],
) -> S:
    """Make a new model in a new working directory; see `ModelState.initfromsrcfile`."""
    from charrnn.model.cells import modeltypes
    from charrnn.model.cells import record as cellrecord

    checks.flag("init_checkpoint", init_checkpoint)
    checks.flag("overwrite", overwrite)
    if hyper is not None and not isinstance(hyper, HyperParams):
        raise InvalidValue(f"hyper={hyper!r}: expected HyperParams(...); or name them here, as in layers=2.")
    if preset and hyper is not None:
        raise InvalidValue("preset and hyper both say what to start from: give one, and single hyperparameters.")
    recipe = recipes.get(preset) if preset else Recipe()
    given = {"modeltype": modeltype, "seq_len": seq_len, "trainfrac": trainfrac, "lower": lower}
    recipe = recipe.but(**given, labels=documents.labels or None, transpose=transpose)
    hyper = (hyper or recipe.hyper).replace(**hyperparams)
    mtype = modeltypes.get(recipe.modeltype)
    own = cellrecord.record(mtype, hyper) if mtype.own else {}
    require_engine(engine, threads)
    reading = dataclasses.replace(reading, lower=recipe.lower)
    documents = dataclasses.replace(documents, labels=recipe.labels)
    music = dataclasses.replace(music, transpose=recipe.transpose)
    srcfile = settled(srcfile)
    source = recognise(srcfile, reading, documents, music, _musical(hyper, preset, transpose))
    hyper = task_type(source.corpus.kind).suited(hyper, named(srcfile))
    apart = _apart(validfile, testfile)
    trainfrac = _trainfrac(trainfrac, recipe.trainfrac, testfrac, apart)
    chosen = Reading(reading, documents, music, min_count, trainfrac, testfrac, given_paths(srcfile), **_paths(apart))
    if hyper.tied:  # before there is a directory
        from charrnn.model import heads
        from charrnn.model.heads.output import require_tieable

        head = heads.make(hyper, vocab_size=1)
        require_tieable(mtype.stage, one_output_each=head.width == head.vocab_size)

    def facts(data: Path) -> dict[str, Any]:
        corpus, never_written = source.encode(
            data, recipe.seq_len, trainfrac, min_count, hyper.random_seed, testfrac=testfrac
        )
        corpus = with_parts(corpus, apart, chosen, data)
        batchsize = recipe.batchsize if preset else 16
        return Facts(mtype.name, hyper, corpus, never_written, batchsize, preset, own, reading=chosen).to_json()

    workdir = WorkDir.create(usedir, facts, overwrite=overwrite)
    ms = cls(workdir, engine, threads, cell=mtype if own else None)
    say(ms.corpus.summary())
    if init_checkpoint:
        loss, measured = first_look(ms)
        even = f"guessing evenly would be {ms.model.even_loss:.3f}"
        say(f"Before training: {in_units(loss, ms.corpus.unit)}; {even}.")
        record.save(ms, loss, measured=measured)
    return ms


def _apart(validfile: Given | None, testfile: Given | None) -> dict[str, Any]:
    """Return the sources of parts that are apart, by the names of these."""
    return {part: settled(given) for part, given in (("valid", validfile), ("test", testfile)) if given is not None}


def _paths(apart: dict[str, Any]) -> dict[str, Any]:
    return {f"{part}file": given_paths(given) for part, given in apart.items()}


def _trainfrac(given: float | None, usual: float, testfrac: float, apart: dict[str, Any]) -> float:
    """Return the part of the source to learn from: where nothing is said, what the other parts leave."""
    if "test" in apart and testfrac:
        raise InvalidValue(f"testfrac={testfrac!r} and testfile both say what to test on: leave one out.")
    checks.number("testfrac", testfrac, least=0, below=1)
    if "valid" in apart:
        if given is not None and abs(given + testfrac - 1) > ROUNDING:
            raise InvalidValue(f"trainfrac={given!r} and validfile both say what to validate on: leave one out.")
        return round(1 - testfrac, DIGITS)
    if given is not None or not testfrac:
        return usual
    return round(max(usual - testfrac, (1 - testfrac) / 2) if usual < 1 else 1 - testfrac, DIGITS)


def _musical(hyper: HyperParams, preset: str | None, transpose: int | None) -> list[str]:
    """Return the arguments, beside those about frames, that only music has."""
    from charrnn.model import heads

    if heads.make(hyper, vocab_size=1).unit == "character":
        return [] if transpose is None else [f"transpose={transpose}"] * (not transpose)
    own = preset and HyperParams.preset(preset).head == hyper.head
    return [f"preset={preset!r}" if own else f"head={hyper.head!r}"]


def restored(
    cls: type[S],
    workdir: str | os.PathLike[str],
    checkpoint: str | int | Checkpoint | None,
    cell: CellMaker | None,
    engine: str,
    threads: int | None,
) -> S:
    """Open a working directory as a checkpoint has it; see `ModelState.load`."""
    ms = cls(WorkDir.open(workdir), engine, threads, cell)
    try:
        return record.restore(ms, checkpoint)
    except NotTrainedYet:
        if checkpoint is not None or ms.origin:  # a warm start is in its first checkpoint
            raise
        return ms  # made with init_checkpoint=False, and not trained yet


def imported(
    cls: type[S],
    file: str | os.PathLike[str],
    usedir: str | os.PathLike[str],
    cell: CellMaker | None,
    overwrite: bool,
    engine: str,
    threads: int | None,
) -> S:
    """Make a working directory from a bundle; see `ModelState.import_`."""
    require_engine(engine, threads)

    def accept(facts: dict[str, Any]) -> None:
        Facts.from_json(facts).celltype(cell, Path(file))

    return record.restore(cls(import_bundle(file, usedir, overwrite, accept), engine, threads, cell))


def of_ancestor(
    cls: type[S],
    file: str | os.PathLike[str],
    usedir: str | os.PathLike[str],
    chars: Sequence[str],
    overwrite: bool,
    engine: str,
    threads: int | None,
    hyperparams: dict[str, Any],
) -> S:
    """Make a working directory from a parameter file of the ancestor; see `ModelState.fromancestor`."""
    found = read_legacy(file)
    facts = ancestor.facts(Path(file), found, chars, hyperparams)
    with tempfile.TemporaryDirectory() as folder:  # the directory appears at once, with its checkpoint
        ms = cls(WorkDir.create(Path(folder, "model"), facts), engine, threads)
        ms.model.load_parameters(ancestor.parameters(found))
        record.save(ms)
        bundle = export_bundle(ms.workdir, Path(folder, "model.zip"))
        return imported(cls, bundle, usedir, None, overwrite, engine, threads)


def first_look(ms: Session) -> tuple[float, dict[str, int]]:
    """Return the loss of a model that is not trained yet, and what it was measured on; 0 batches are the whole."""
    look = dict(FIRST_LOOK)
    if look["valid_len"] >= ms.valid_data.batchepoch(ms.valid_data.fit(look["batchsize"]).batchsize):
        look["valid_len"] = 0
    return validation_loss(ms.model, ms.valid_data, **look), look


@not_while_training
@refusable
def finetune(
    ms: S,
    srcfile: Given,
    usedir: str | os.PathLike[str],
    *,
    seq_len: int | None = None,
    trainfrac: float | None = None,
    overwrite: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    encoding: str | None = None,
    newlines: bool | None = None,
    lower: bool | None = None,
    gutenberg: bool | None = None,
    strip_punctuation: bool | None = None,
    min_count: int | None = None,
    text: Column | None = None,
    kind: str | None = None,
    delimiter: Delimiter | None = None,
    header: bool | None = None,
    only: Mapping[str, str | Collection[str]] | None = None,
    min_documents: int | Mapping[str, int] | None = None,
    testfrac: float = 0.0,
    validfile: Given | None = None,
    testfile: Given | None = None,
    **hyperparams: Any,
) -> S:
    """Make a new model that begins with what this one has learned, for another text; this one stays as it is.

    Its directory is its own, with a record of where it came from (`origin`). Characters that are new to it are read
    and predicted as U+FFFD was, until it has learned better. The learning rate is that of the hyperparameters; a
    smaller one than in the first training keeps more of it.

    Parameters
    ----------
    srcfile, usedir, trainfrac, testfrac, validfile, testfile, overwrite, engine, threads
        As for `initfromsrcfile`. A model of documents goes on with documents, and any other with a text.
    seq_len : int, optional
        T; as it was by default.
    encoding, newlines, lower, gutenberg, strip_punctuation, min_count
        As for `initfromsrcfile`; as this model's text was read by default.
    text, kind, delimiter, header, only, min_documents
        As for `initfromsrcfile`, for models of documents; by default as for this model, where the new source is of the
        same format.
    **hyperparams
        Fields of `HyperParams` that are to change, such as `learnrate`; none that parameters depend on.

    Raises
    ------
    InvalidValue
        If an argument has the wrong type or is out of range, or the model has labels or is one of music.
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
    if overwrite and resolve(usedir) == ms.path:
        raise InvalidValue(f"{ms.path} is where this model is, which stays as it is: choose another directory.")
    hyper = warmstart.changed(ms.hyper, **hyperparams)
    require_engine(engine, threads)
    srcfile = settled(srcfile)
    reading = (
        (ms.facts.reading or Reading())
        .of_another(srcfile)
        .but(
            {
                "encoding": encoding,
                "newlines": newlines,
                "lower": lower,
                "gutenberg": gutenberg,
                "strip_punctuation": strip_punctuation,
            },
            {
                "text": text,
                "kind": kind,
                "delimiter": delimiter,
                "header": header,
                "only": only,
                "min_documents": min_documents,
            },
        )
    )
    if min_count is not None:
        reading = dataclasses.replace(reading, min_count=min_count)
    apart = _apart(validfile, testfile)
    trainfrac = _trainfrac(trainfrac, TRAINFRAC if trainfrac is None else trainfrac, testfrac, apart)
    divided: dict[str, Any] = {"trainfrac": trainfrac, "testfrac": testfrac, "source": given_paths(srcfile)}
    reading = dataclasses.replace(reading, **divided, **_paths(apart))
    source = source_like(ms.corpus, srcfile, reading)
    origin = {
        "model": ms.path.name,
        "id": ms.workdir.id,
        "checkpoint": ms.checkpoint.name if ms.checkpoint else None,
        "text": ms.corpus.source,
    }

    def facts(data: Path) -> dict[str, Any]:
        length = ms.corpus.seq_len if seq_len is None else seq_len
        corpus, never_written = source.encode(
            data, length, trainfrac, reading.min_count, hyper.random_seed, ms.chars, testfrac
        )
        corpus = with_parts(corpus, apart, reading, data)
        changed: dict[str, Any] = {"hyper": hyper, "corpus": corpus, "never_written": never_written, "origin": origin}
        made = dataclasses.replace(ms.facts, **changed, reading=reading)
        return ms.workdir.model | made.to_json()

    workdir = WorkDir.create(usedir, facts, overwrite=overwrite)
    tuned = type(ms)(workdir, engine, threads, cell=None if isinstance(ms.celltype, str) else ms.celltype)
    say(tuned.corpus.summary())
    warmstart.warm_start(tuned.model, ms.model)
    loss, measured = first_look(tuned)
    new = "".join(tuned.chars.chars[len(ms.chars) :])
    say(f"Beginning from {ms.path.name}{f', to which {new!r} are new' if new else ''}: {in_units(loss)}.")
    record.save(tuned, loss, measured=measured)
    return tuned
