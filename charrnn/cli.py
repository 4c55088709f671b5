"""The ``charrnn`` command: what `ModelState` does, from the shell."""

from __future__ import annotations

import json
import secrets
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from charrnn.errors import CharRNNError, CorruptFile, InvalidValue, NotAModelDirectory
from charrnn.state import ModelState
from charrnn.training.summary import TrainingSummary

app = typer.Typer(
    help="An interactive workbench for character-level recurrent networks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The model's working directory.")]
Which = Annotated[str | None, typer.Option(help='"best", or a name that info shows; the last one by default.')]
Engine = Annotated[str, typer.Option(help="auto, cpu or jax.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other hyperparameter; repeatable.")
]
Threads = Annotated[int | None, typer.Option(help="Threads of the CPU engine; all cores by default.")]
BatchSize = Annotated[int, typer.Option(help="Streams that the text is read in.")]

DEMO = Path("workdirs/demo")
INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it
DEMO_EVERY = 200  # batches between two samples


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the model goes, or is.")] = DEMO,
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 1.0,
    engine: Engine = "auto",
) -> None:
    """Watch a model learn for a minute; again, to go on.

    It learns the language reference that every Python brings along.

    \b
    charrnn demo
    charrnn demo --minutes 5
    """
    try:
        ms = ModelState.load(directory, engine=engine)
        print(f"Going on with {directory}.")
    except NotAModelDirectory:
        from charrnn.data.builtin import corpora

        ms = ModelState.initfromsrcfile(corpora.path("pydoc"), directory, engine=engine)
    print(ms.train(minutes=minutes, print_every=DEMO_EVERY))
    sample = ms.restore("best").generate(600)
    print(f"\nThe best model so far ({ms.checkpoint.name if ms.checkpoint else ''}) writes:\n{sample}\n")
    print(f"Go on with it:\n  charrnn shell {directory}")
    print('  >>> ms.train(num_rounds=2)\n  >>> ms.generate(1000, temp=0.7, prompt="The ")')


@app.command()
def new(
    srcfile: Annotated[str, typer.Argument(metavar="FILE", help="The text to learn from; - for standard input.")],
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="The working directory to make.")] = None,
    preset: Annotated[str | None, typer.Option(help="A named recipe, such as best, rngru or poetrnn.")] = None,
    modeltype: Annotated[str | None, typer.Option(help="Cell and input stage; GRUEncode by default.")] = None,
    layers: Annotated[int | None, typer.Option(help="Recurrent layers.")] = None,
    state_size: Annotated[int | None, typer.Option(help="Width of a layer.")] = None,
    learnrate: Annotated[float | None, typer.Option(help="Learning rate at the start.")] = None,
    settings: Settings = None,
    seq_len: Annotated[int | None, typer.Option(help="Characters that gradients flow back through; 100.")] = None,
    trainfrac: Annotated[
        float | None, typer.Option(help="Part to learn from; the tail is for validation; 0.9.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="The text's encoding; found out by default.")] = None,
    lower: Annotated[bool, typer.Option("--lower", help="Lower-case the text.")] = False,
    gutenberg: Annotated[bool, typer.Option("--gutenberg", help="Leave out Gutenberg's header and footer.")] = False,
    min_count: Annotated[int, typer.Option(help="Fold characters that occur less often.")] = 0,
    documents: Annotated[
        bool | None, typer.Option("--documents/--no-documents", help="Each paragraph, row or file on its own, or not.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text, by name or number.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Column of labels; repeatable.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="What separates documents, a regular expression.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="COLUMN=LABEL", help="Labels to keep; repeatable.")] = None,
    min_documents: Annotated[int, typer.Option(help="Keep labels with so many documents.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")] = False,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Make a model for a text; for documents: a table, a folder, or a text with a delimiter; or for a folder of MIDI.

    \b
    charrnn new alice.txt workdirs/alice --layers 2 --state-size 256
    charrnn new alice.txt workdirs/alice --preset best --lower
    charrnn new alice.txt workdirs/alice --preset rngru --set regcost=0 --set clip=norm
    charrnn new poems.csv workdirs/poems --text poem --label author --only author=Blake --only author=Keats
    charrnn new chorales/ workdirs/piano --preset piano
    cat *.txt | charrnn new - workdirs/all
    """
    if directory is None:
        if sys.stdin.isatty():
            raise typer.BadParameter("give both FILE and DIR, as in: charrnn new alice.txt workdirs/alice")
        srcfile, directory = "-", Path(srcfile)
    named = {"layers": layers, "state_size": state_size, "learnrate": learnrate}
    chosen: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    chosen.update(map(_setting, settings or []))
    kept: dict[str, list[str]] = {}
    for column, name in map(_pair, only or []):
        kept.setdefault(column, []).append(name)
    ms = ModelState.initfromsrcfile(
        srcfile,
        directory,
        preset=preset,
        modeltype=modeltype,
        seq_len=seq_len,
        trainfrac=trainfrac,
        encoding=encoding,
        lower=lower or None,
        gutenberg=gutenberg or None,
        min_count=min_count,
        documents=documents,
        text=None if text is None else _column(text),
        labels=tuple(map(_column, label or [])),
        delimiter=delimiter,
        only=kept or None,
        min_documents=min_documents,
        overwrite=overwrite,
        engine=engine,
        threads=threads,
        **chosen,
    )
    print(f"{ms!r}\nTrain it:  charrnn train {directory}")


@app.command()
def train(
    directory: Directory,
    rounds: Annotated[int, typer.Option(help="Rounds: training, validation, checkpoint.")] = 1,
    minutes: Annotated[float | None, typer.Option(help="Train for so long instead.")] = None,
    batchsize: Annotated[
        int | None, typer.Option(help="Streams that the text is read in; 16, or the preset's.")
    ] = None,
    train_len: Annotated[int, typer.Option(help="Batches in a round; 0 for a whole epoch.")] = 0,
    valid_len: Annotated[int, typer.Option(help="Batches in a validation; 0 for the whole text.")] = 0,
    print_every: Annotated[int, typer.Option(help="Batches between two samples; 0 for none.")] = 1000,
    patience: Annotated[int | None, typer.Option(help="Stop after so many rounds without a lower loss.")] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Train a model, from where it stands. Ctrl-C stops it with everything saved, and exit status 130.

    \b
    charrnn train workdirs/alice --rounds 5
    charrnn train workdirs/alice --minutes 30 --batchsize 32
    charrnn train workdirs/alice --rounds 100 --patience 5
    """
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    try:
        done = ms.train(rounds, batchsize, train_len, valid_len, print_every, minutes=minutes, patience=patience)
    except KeyboardInterrupt as interrupt:  # the second one
        print("charrnn: stopped at once.", *getattr(interrupt, "__notes__", ())[:1], file=sys.stderr)
        raise
    print(done)
    if isinstance(done, TrainingSummary) and done.interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def advise(
    srcfile: Annotated[str, typer.Argument(metavar="FILE", help="The text to learn from.")],
    minutes: Annotated[float, typer.Option(help="The time there is for training.")] = 10.0,
    lower: Annotated[bool, typer.Option("--lower", help="Lower-case the text.")] = False,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Propose settings for a text and the time there is, after trying some sizes on this machine.

    \b
    charrnn advise alice.txt --minutes 30
    """
    from charrnn.session.advice import advise

    print(advise(srcfile, minutes, lower=lower, engine=engine, threads=threads))


@app.command()
def finetune(
    directory: Directory,
    srcfile: Annotated[str, typer.Argument(metavar="FILE", help="The text to learn from; - for standard input.")],
    target: Annotated[Path, typer.Argument(metavar="NEWDIR", help="The working directory to make.")],
    settings: Settings = None,
    lower: Annotated[bool, typer.Option("--lower", help="Lower-case the text.")] = False,
    gutenberg: Annotated[bool, typer.Option("--gutenberg", help="Leave out Gutenberg's header and footer.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")] = False,
    checkpoint: Which = None,
    engine: Engine = "auto",
) -> None:
    """Make a model for another text that begins with what a model has learned.

    \b
    charrnn finetune workdirs/novels alice.txt workdirs/novels-alice --set learnrate=3e-4
    """
    ms = ModelState.load(directory, checkpoint, engine=engine)
    options: dict[str, Any] = {
        "lower": lower or None,
        "gutenberg": gutenberg or None,
        "overwrite": overwrite,
        "engine": engine,
    }
    print(f"{ms.finetune(srcfile, target, **options, **_chosen(settings))!r}\nTrain it:  charrnn train {target}")


@app.command()
def sample(
    directory: Directory,
    numchars: Annotated[
        int | None,
        typer.Option("--numchars", "-n", help="Characters: 500, or at most 1000 of a document; 200 frames of music."),
    ] = None,
    number: Annotated[int, typer.Option("--number", "-N", help="Documents, or texts, to write.")] = 1,
    label: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="LABEL, or COLUMN=LABEL for each of several columns.")
    ] = None,
    guidance: Annotated[float, typer.Option(help="Above 1, exaggerate the label.")] = 1.0,
    temp: Annotated[
        float | None, typer.Option("--temp", "-t", help="Temperature; lower is safer; 0.5, for music 1.")
    ] = None,
    prompt: Annotated[
        str, typer.Option("--prompt", "-p", help="Text, or MIDI file, to continue; a random line start if empty.")
    ] = "",
    argmax: Annotated[bool, typer.Option("--argmax", help="Take the likeliest character each time.")] = False,
    rng: Annotated[int | None, typer.Option(help="Seed, for the same text again.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="MIDI file to write music to.")] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
) -> None:
    """Let a model write to standard output; music is shown as a piano roll.

    \b
    charrnn sample workdirs/alice -n 2000 -t 0.7 -p "Alice "
    charrnn sample workdirs/alice --checkpoint best --rng 7 > alice2.txt
    charrnn sample workdirs/poems -N 14 --label author=Blake --guidance 1.5
    charrnn sample workdirs/piano -n 400 -o first.mid
    """
    ms = ModelState.load(directory, checkpoint, engine=engine)
    seed = secrets.randbelow(2**32) if rng is None else rng
    options: dict[str, Any] = {"prompt": prompt, "argmax": argmax, "rng": seed, "guidance": guidance}
    if temp is not None:
        options["temp"] = temp
    if label:
        options["label"] = dict(map(_pair, label)) if all("=" in one for one in label) else _only(label)
    if ms.task.file_suffix:
        _compose(ms, 200 if numchars is None else numchars, number, out, **options)
    elif out is not None:
        raise InvalidValue(f"--out is for music; send a text to a file by  > {out}")
    elif number != 1 or ms.writes_documents:
        print(ms.generate(numchars, n=number, **options))
    else:
        for piece in ms.stream(500 if numchars is None else numchars, **options):
            print(piece, end="", flush=True)
        print()
    if rng is None and not argmax:
        print(f"(the same text again: --rng {seed})", file=sys.stderr)


@app.command()
def score(
    directory: Directory,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A text file, or a MIDI file for music; - for standard input.")
    ] = "-",
    text: Annotated[str | None, typer.Option(help="The text itself, instead of a file.")] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
) -> None:
    """Tell how likely a model finds a text.

    \b
    charrnn score workdirs/alice chapter13.txt
    charrnn score workdirs/alice --text "It was the best of times"
    echo "Off with her head!" | charrnn score workdirs/alice
    charrnn score workdirs/piano first.mid
    """
    from charrnn.data.text.source import TextSource

    ms = ModelState.load(directory, checkpoint, engine=engine)
    if ms.task.file_suffix:
        if text is not None or file == "-":
            raise InvalidValue(f"{directory} learned music: give a MIDI file to score.")
        print(ms.score(file))
        return
    if text is None:
        source = TextSource.open(file)
        text = "".join(source.chunks())
    print(ms.score(text))


@app.command()
def info(directory: Directory) -> None:
    """Show what a model is, how it learned, and its checkpoints.

    \b
    charrnn info workdirs/alice
    """
    try:
        ms = ModelState.load(directory)
    except CorruptFile as error:
        ms = ModelState.unrestored(directory)
        print(f"charrnn: {error}\n", file=sys.stderr)
    print(ms, ms.hyper, ms.log(), sep="\n\n")


@app.command()
def diff(
    directory: Directory,
    a: Annotated[str, typer.Argument(metavar="A", help='A checkpoint: "best", a branch, or a name that info shows.')],
    b: Annotated[str, typer.Argument(metavar="[B]", help="Another one.")] = "last",
    engine: Engine = "auto",
) -> None:
    """Compare two checkpoints: settings, losses, weights, and what they write.

    \b
    charrnn diff workdirs/alice best
    charrnn diff workdirs/alice main lower-lr
    """
    print(ModelState.load(directory, a, engine=engine).diff(a, b))


@app.command()
def verify(
    directory: Directory,
    engine: Engine = "auto",
) -> None:
    """Check every file of a model, and compute a stored validation loss again.

    \b
    charrnn verify workdirs/alice
    """
    report = ModelState.unrestored(directory, engine=engine).verify()
    print(report)
    if not report.ok:
        sys.exit(f"charrnn: {len(report.problems)} of {len(report)} checks failed.")
    print("Everything is as it was written.")


@app.command()
def export(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as model.zip.")],
) -> None:
    """Write a model to a single file, without its text.

    \b
    charrnn export workdirs/alice alice.zip
    """
    print(f"Wrote {ModelState.unrestored(directory).export(file)}. To unpack it:  charrnn import {file} DIR")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that export wrote.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The working directory to make.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")] = False,
) -> None:
    """Make a working directory from a single file. Without its text, a model writes and scores.

    \b
    charrnn import alice.zip workdirs/alice2
    """
    print(f"{ModelState.import_(file, directory, overwrite=overwrite)!r}\nTry it:  charrnn sample {directory}")


@app.command()
def shell(
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A model to load as ms.")] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
) -> None:
    """Open IPython with charrnn's names, and a model as ms.

    \b
    charrnn shell workdirs/alice
    """
    import IPython

    import charrnn

    names: dict[str, Any] = {name: getattr(charrnn, name) for name in charrnn.__all__}
    if directory is None:
        print(
            'ms = ModelState.initfromsrcfile("alice.txt", "workdirs/alice") makes a model; help(ModelState) tells more.'
        )
    else:
        names["ms"] = ModelState.load(directory, checkpoint, engine=engine)
        print(names["ms"])
    IPython.start_ipython(argv=["--no-banner", "--InteractiveShell.xmode=Minimal"], user_ns=names)  # %tb tells more


@app.command()
def doctor() -> None:
    """Show versions and engines, and measure the speed."""
    from charrnn.doctor import report

    print(report())


@app.command()
def warmup(
    directory: Directory,
    batchsize: BatchSize = 16,
    engine: Engine = "auto",
) -> None:
    """Compile all that a model needs, to save time later: JAX keeps it on disk for one batch size.

    \b
    charrnn warmup workdirs/alice
    """
    ModelState.load(directory, engine=engine).compile(batchsize)


def main() -> None:
    """Run the command line; expected errors are one line."""
    warnings.formatwarning = lambda message, *_, **__: f"charrnn: {message}\n"
    try:
        app()
    except CharRNNError as error:
        sys.exit(f"charrnn: {error}")


def _pair(text: str) -> tuple[str, str]:
    """Return column and label of a COLUMN=LABEL text.

    >>> _pair("author=Blake")
    ('author', 'Blake')
    """
    column, equals, label = text.partition("=")
    if not equals:
        raise InvalidValue(f"COLUMN=LABEL is expected, as in author=Blake, not {text!r}.")
    return column, label


def _only(labels: list[str]) -> str:
    """Return the one label that is given, or raise InvalidValue."""
    if len(labels) > 1:
        raise InvalidValue(
            f"--label {' --label '.join(labels)}: one label, or COLUMN=LABEL for each of several columns."
        )
    return labels[0]


def _compose(
    ms: ModelState,
    frames: int,
    number: int,
    out: Path | None,
    *,
    prompt: str,
    argmax: bool,
    guidance: float,
    label: object = None,
    **options: Any,
) -> None:
    """Show pieces that a model writes, and save them to `out`, several with numbers in their names."""
    ms.task.check_options(argmax=argmax, guidance=guidance, label=label)
    pieces: list[Any] = ms.generate(frames, prompt=prompt or None, n=number, **options)
    for i, piece in enumerate(pieces, 1):
        file = out if out is None or number == 1 else out.with_stem(f"{out.stem}-{i}")
        wrote = "" if file is None else f"\nWrote {piece.save(file)}."  # before it is shown, which may be cut short
        print(f"{piece}{wrote}")


def _column(text: str) -> str | int:
    """Return a column by its number, or else its name."""
    return int(text) if text.isdecimal() else text


def _chosen(settings: list[str] | None) -> dict[str, Any]:
    return dict(_setting(text) for text in settings or [])


def _setting(text: str) -> tuple[str, Any]:
    """Return name and value of a NAME=VALUE text.

    >>> _setting("regcost=0.5"), _setting("clip=norm"), _setting("clip=null")
    (('regcost', 0.5), ('clip', 'norm'), ('clip', None))
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidValue(f"--set takes NAME=VALUE, not {text!r}.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
