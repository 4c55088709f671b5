"""Commands that make a model: for a text, documents or music, or from what another model has learned."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from charrnn.cli import output, parsing
from charrnn.cli.hints import options
from charrnn.cli.options import (
    Delimiter,
    DelimiterRegex,
    Encoding,
    Engine,
    Gutenberg,
    Header,
    Kind,
    Lower,
    MinCount,
    MinDocuments,
    Newlines,
    Only,
    Overwrite,
    SeqLen,
    Settings,
    Source,
    StripPunctuation,
    TestFile,
    TestFrac,
    TextColumn,
    Threads,
    TrainFrac,
    ValidFile,
    Which,
)
from charrnn.cli.program import command
from charrnn.errors import InvalidValue
from charrnn.state import ModelState

AS_TYPED = ("encoding", "newlines", "lower", "gutenberg", "strip_punctuation", "min_count", "kind", "header")


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
    testfrac: TestFrac = None,
    validfile: ValidFile = None,
    testfile: TestFile = None,
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
    text: TextColumn = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Column of labels, by name or number; repeatable.")
    ] = None,
    kind: Kind = None,
    delimiter: Delimiter = None,
    delimiter_regex: DelimiterRegex = None,
    header: Header = None,
    only: Only = None,
    min_documents: MinDocuments = None,
    dt: Annotated[float | None, typer.Option(metavar="SECONDS", help="Music: seconds of a frame.")] = None,
    beats: Annotated[float | None, typer.Option(metavar="BEATS", help="Music: beats of a frame.")] = None,
    onsets: Annotated[bool | None, typer.Option("--onsets", help="Music: tell struck keys from held ones.")] = None,
    transpose: Annotated[
        int | None, typer.Option(metavar="N", help="Music: shift pieces by up to N semitones in training.")
    ] = None,
    pedal: Annotated[
        bool | None,
        typer.Option("--pedal/--no-pedal", help="Music: notes last as long as the sustain pedal holds them, or not."),
    ] = None,
    memory_limit: Annotated[
        float | None, typer.Option(metavar="GB", help="Music: gigabytes that reading it may take.")
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
        testfrac=testfrac,
        validfile=validfile,
        testfile=testfile,
        init_checkpoint=init_checkpoint,
        **_reading(ctx.params),
        documents=documents,
        labels=tuple(map(parsing.column, label or [])),
        dt=dt,
        beats=beats,
        onsets=onsets,
        transpose=transpose,
        pedal=pedal,
        memory_limit=memory_limit,
    )
    chosen |= parsing.settings(settings, options(ctx.command))
    with output.in_shell(ctx):
        ms = ModelState.initfromsrcfile(
            srcfile, directory, overwrite=overwrite, engine=engine, threads=threads, **chosen
        )
    output.show(f"{output.facts(ms)}\nTrain it:  charrnn train {output.word(directory)}")


@command()
def finetune(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The model to begin from.")],
    srcfile: Source,
    target: Annotated[Path, typer.Argument(metavar="NEWDIR", help="The working directory to make.")],
    settings: Settings = None,
    seq_len: SeqLen = None,
    trainfrac: TrainFrac = None,
    testfrac: TestFrac = None,
    validfile: ValidFile = None,
    testfile: TestFile = None,
    encoding: Encoding = None,
    newlines: Newlines = None,
    lower: Lower = None,
    gutenberg: Gutenberg = None,
    strip_punctuation: StripPunctuation = None,
    min_count: MinCount = None,
    text: TextColumn = None,
    kind: Kind = None,
    delimiter: Delimiter = None,
    delimiter_regex: DelimiterRegex = None,
    header: Header = None,
    only: Only = None,
    min_documents: MinDocuments = None,
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
        testfrac=testfrac,
        validfile=validfile,
        testfile=testfile,
        **_reading(ctx.params),
    )
    chosen |= parsing.settings(settings, options(ctx.command))
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    with output.in_shell(ctx):
        tuned = ms.finetune(srcfile, target, overwrite=overwrite, engine=engine, threads=threads, **chosen)
    output.show(f"{output.facts(tuned)}\nTrain it:  charrnn train {output.word(target)}")


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
    output.show(f"{output.facts(ms)}\nTry it:  charrnn sample {output.word(directory)}")


def _reading(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options about reading as the library takes them, from all that was typed."""
    text = typed["text"]
    return {name: typed[name] for name in AS_TYPED} | {
        "text": None if text is None else parsing.column(text),
        "delimiter": _delimiter(typed["delimiter"], typed["delimiter_regex"]),
        "only": parsing.kept(typed["only"]),
        "min_documents": parsing.least(typed["min_documents"]),
    }


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
