"""Commands that make a model: for a text, documents or music, or from what another model has learned."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from charrnn.cli import parsing, told
from charrnn.cli.hints import options
from charrnn.cli.options import (
    Encoding,
    Engine,
    Gutenberg,
    Lower,
    MinCount,
    Newlines,
    Overwrite,
    SeqLen,
    Settings,
    Source,
    StripPunctuation,
    Threads,
    TrainFrac,
    Which,
)
from charrnn.cli.program import command
from charrnn.errors import InvalidValue
from charrnn.state import ModelState


@command()
def new(
    ctx: typer.Context,
    srcfile: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A text, a table, a folder, or MIDI files; - for standard input."),
    ],
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="The working directory to make.")] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="A ready-made recipe, such as best, rngru or poetrnn.")
    ] = None,
    modeltype: Annotated[
        str | None, typer.Option(metavar="NAME", help="Cell and input stage; GRUEncode by default.")
    ] = None,
    layers: Annotated[int | None, typer.Option(metavar="L", help="Recurrent layers.")] = None,
    state_size: Annotated[int | None, typer.Option(metavar="H", help="Width of a layer.")] = None,
    learnrate: Annotated[float | None, typer.Option(metavar="RATE", help="Learning rate at the start.")] = None,
    settings: Settings = None,
    seq_len: SeqLen = None,
    trainfrac: TrainFrac = None,
    init_checkpoint: Annotated[
        bool | None,
        typer.Option(
            "--init-checkpoint/--no-init-checkpoint", help="Measure the untrained model and save it first, or not."
        ),
    ] = None,
    encoding: Encoding = None,
    newlines: Newlines = None,
    lower: Lower = None,
    gutenberg: Gutenberg = None,
    strip_punctuation: StripPunctuation = None,
    min_count: MinCount = None,
    documents: Annotated[
        bool | None,
        typer.Option("--documents/--no-documents", help="Take each paragraph, row or file on its own, or not."),
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of the text, by name or number.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Column of labels, by name or number; repeatable.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="What the file is, where its name does not tell: csv, jsonl, text ..."),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What separates documents, or the fields of a table, as it is written."),
    ] = None,
    delimiter_regex: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="What separates documents, as a regular expression.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="The first row of a table names its columns, or does not."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="COLUMN=LABEL", help="Labels to keep; repeatable.")] = None,
    min_documents: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help="Keep labels with N documents or more; COLUMN=N for one column, repeatable."),
    ] = None,
    dt: Annotated[float | None, typer.Option(metavar="SECONDS", help="Music: seconds of a frame.")] = None,
    beats: Annotated[float | None, typer.Option(metavar="BEATS", help="Music: beats of a frame.")] = None,
    onsets: Annotated[bool | None, typer.Option("--onsets", help="Music: tell struck keys from held ones.")] = None,
    transpose: Annotated[
        int | None, typer.Option(metavar="N", help="Music: shift pieces by up to N semitones in training.")
    ] = None,
    overwrite: Overwrite = False,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Make a model for a text, documents or music.

    Documents are a table, a folder, or a text with a delimiter; music is MIDI files.

    \b
    charrnn new alice.txt workdirs/alice --layers 2 --state-size 256
    charrnn new alice.txt workdirs/alice --preset best --lower
    charrnn new alice.txt workdirs/alice --preset rngru --set regcost=0 --set clip=norm
    charrnn new poems.csv workdirs/poems --text poem --label author --only author=Blake --only author=Keats
    charrnn new tales.txt workdirs/tales --delimiter "<|endoftext|>"
    charrnn new chorales/ workdirs/piano --preset piano
    cat *.txt | charrnn new - workdirs/all
    """
    if directory is None:
        if sys.stdin.isatty():
            raise typer.BadParameter("give both FILE and DIR, as in: charrnn new alice.txt workdirs/alice")
        srcfile, directory = "-", Path(srcfile)
    chosen = parsing.given(
        preset=preset,
        modeltype=modeltype,
        layers=layers,
        state_size=state_size,
        learnrate=learnrate,
        seq_len=seq_len,
        trainfrac=trainfrac,
        init_checkpoint=init_checkpoint,
        encoding=encoding,
        newlines=newlines,
        lower=lower,
        gutenberg=gutenberg,
        strip_punctuation=strip_punctuation,
        min_count=min_count,
        documents=documents,
        text=None if text is None else parsing.column(text),
        labels=tuple(map(parsing.column, label or [])),
        kind=kind,
        delimiter=_delimiter(delimiter, delimiter_regex),
        header=header,
        only=parsing.kept(only),
        min_documents=parsing.least(min_documents),
        dt=dt,
        beats=beats,
        onsets=onsets,
        transpose=transpose,
    )
    chosen |= parsing.settings(settings, options(ctx.command))
    with told.in_shell(ctx):
        ms = ModelState.initfromsrcfile(
            srcfile, directory, overwrite=overwrite, engine=engine, threads=threads, **chosen
        )
    told.show(f"{told.facts(ms)}\nTrain it:  charrnn train {told.word(directory)}")


@command()
def finetune(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The model to begin from.")],
    srcfile: Source,
    target: Annotated[Path, typer.Argument(metavar="NEWDIR", help="The working directory to make.")],
    settings: Settings = None,
    seq_len: SeqLen = None,
    trainfrac: TrainFrac = None,
    encoding: Encoding = None,
    newlines: Newlines = None,
    lower: Lower = None,
    gutenberg: Gutenberg = None,
    strip_punctuation: StripPunctuation = None,
    min_count: MinCount = None,
    overwrite: Overwrite = False,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Make a model for another text from what a model has learned.

    \b
    charrnn finetune workdirs/novels alice.txt workdirs/novels-alice --set learnrate=3e-4
    """
    chosen = parsing.given(
        seq_len=seq_len,
        trainfrac=trainfrac,
        encoding=encoding,
        newlines=newlines,
        lower=lower,
        gutenberg=gutenberg,
        strip_punctuation=strip_punctuation,
        min_count=min_count,
    )
    chosen |= parsing.settings(settings, options(ctx.command))
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    with told.in_shell(ctx):
        tuned = ms.finetune(srcfile, target, overwrite=overwrite, engine=engine, threads=threads, **chosen)
    told.show(f"{told.facts(tuned)}\nTrain it:  charrnn train {told.word(target)}")


@command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that export wrote.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The working directory to make.")],
    overwrite: Overwrite = False,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Make a working directory from a single file.

    Without its text, a model writes and scores, and does not train.

    \b
    charrnn import alice.zip workdirs/alice2
    """
    ms = ModelState.import_(file, directory, overwrite=overwrite, engine=engine, threads=threads)
    told.show(f"{told.facts(ms)}\nTry it:  charrnn sample {told.word(directory)}")


def _delimiter(literal: str | None, pattern: str | None) -> Any:
    """Return what separates documents: a text as it is written, or a pattern."""
    if literal is not None and pattern is not None:
        raise InvalidValue("--delimiter and --delimiter-regex both say what separates documents: give one of them.")
    if pattern is None:
        return literal
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InvalidValue(f"--delimiter-regex {pattern}: {error}.") from None
