"""Commands about training: to train, to find settings first, to compile ahead."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from charrnn.cli import hints, output, parsing
from charrnn.cli.options import BatchSize, Directory, Engine, Lower, Source, Threads, Which
from charrnn.cli.program import command
from charrnn.state import ModelState
from charrnn.training.summary import TrainingSummary
from charrnn.wording import say

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it


@command()
def train(
    directory: Directory,
    rounds: Annotated[int, typer.Option(metavar="N", help="Rounds: training, validation, checkpoint.")] = 1,
    minutes: Annotated[float | None, typer.Option(metavar="MIN", help="Train for so long instead.")] = None,
    batchsize: BatchSize = None,
    train_len: Annotated[
        int | None, typer.Option(metavar="N", help="Batches in a round; 0, the default, for a whole epoch.")
    ] = None,
    valid_len: Annotated[
        int | None, typer.Option(metavar="N", help="Batches in a validation; 0, the default, for the whole text.")
    ] = None,
    print_every: Annotated[
        int | None, typer.Option(metavar="N", help="Batches between two samples; 0 for none; by the clock by default.")
    ] = None,
    sample_temp: Annotated[
        list[float] | None, typer.Option(metavar="TEMP", help="Temperature of the samples shown, 0.5; repeatable.")
    ] = None,
    clear_state: Annotated[bool, typer.Option("--clear-state", help="Begin with blank hidden states.")] = False,
    save_every: Annotated[
        float | None, typer.Option(metavar="MIN", help="Minutes between checkpoints within a round, 10 by default.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(metavar="N", help="Stop after N rounds without a lower validation loss.")
    ] = None,
    monitor: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The loss that patience goes by: validation (default), training, a label."),
    ] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the curves after every round.")] = False,
    verbose: Annotated[
        int | None, typer.Option(metavar="LEVEL", help="0 for nothing, 1 for a line a round, 2 for progress, samples.")
    ] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Train a model, from where it stands.

    Ctrl-C stops it with everything saved, and exit status 130.

    \b
    charrnn train workdirs/alice --rounds 5
    charrnn train workdirs/alice --minutes 30 --batchsize 32
    charrnn train workdirs/alice --rounds 100 --patience 5
    """
    chosen: dict[str, Any] = parsing.given(
        minutes=minutes,
        batchsize=batchsize,
        train_len=train_len,
        valid_len=valid_len,
        print_every=print_every,
        sample_temps=sample_temp,
        save_every=save_every,
        patience=patience,
        monitor=monitor,
        verbose=verbose,
    )
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    try:
        done = ms.train(rounds, clear_state=clear_state, plot=plot, **chosen)
    except KeyboardInterrupt as interrupt:  # the second one
        output.notice(" ".join(["charrnn: stopped at once.", *getattr(interrupt, "__notes__", ())[:1]]))
        raise
    if verbose != 0:
        say(hints.in_shell(str(done), {}, directory))
    if isinstance(done, TrainingSummary) and done.interrupted:
        raise typer.Exit(INTERRUPTED)


@command()
def advise(
    srcfile: Source,
    minutes: Annotated[float, typer.Option(metavar="MIN", help="The time there is for training.")] = 10.0,
    lower: Lower = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Propose settings for a text and the time there is.

    It tries some sizes on this machine, which takes some ten seconds.

    \b
    charrnn advise alice.txt --minutes 30
    """
    from charrnn.session.advice import advise

    advice = advise(srcfile, minutes, lower=bool(lower), engine=engine, threads=threads)
    directory = output.word(advice.directory)
    settings = " ".join(map(_typed, advice.changes.items()))
    output.show(advice.reasons)
    output.show(f"charrnn new {output.word(srcfile)} {directory} --preset best {settings}".rstrip())
    output.show(
        f"charrnn train {directory} --minutes {minutes:g} --batchsize {advice.training['batchsize']} "
        f"--train-len {advice.train_len}"
    )


@command()
def warmup(
    directory: Directory,
    batchsize: BatchSize = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Compile all that a model needs, to save time later.

    JAX keeps it on disk, for one batch size.

    \b
    charrnn warmup workdirs/alice
    """
    ms = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
    ms.compile(**parsing.given(batchsize=batchsize))


def _typed(setting: tuple[str, Any]) -> str:
    """Return a setting as `charrnn new` takes it.

    >>> _typed(("dropout", 0.2)), _typed(("state_size", 64)), _typed(("lower", True))
    ('--set dropout=0.2', '--state-size 64', '--lower')
    """
    name, value = setting
    if value is True:
        return f"--{name}"
    return f"--state-size {value}" if name == "state_size" else f"--set {name}={json.dumps(value)}"
