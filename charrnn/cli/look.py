"""Commands that show a model: facts, history, curves, comparison, pages, checks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from charrnn.cli import output
from charrnn.cli.options import Directory, Engine, Threads, Which
from charrnn.cli.program import command
from charrnn.errors import CorruptFile
from charrnn.state import ModelState


@command()
def info(directory: Directory) -> None:
    """Show what a model is, how it learned, and its checkpoints.

    \b
    charrnn info workdirs/alice
    """
    try:
        ms = ModelState.load(directory)
    except CorruptFile as error:
        ms = ModelState.unrestored(directory)
        output.notice(f"charrnn: {error}\n")
    output.show(f"{output.facts(ms)}\n\n{ms.hyper}\n\n{ms.log()}")


@command()
def log(directory: Directory) -> None:
    """Show a model's checkpoints, with losses, notes and branches.

    \b
    charrnn log workdirs/alice
    """
    output.show(ModelState.unrestored(directory).log())


@command()
def plot(
    directory: Directory,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Save the picture: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Show the curves of training, or save them as a picture.

    \b
    charrnn plot workdirs/alice
    charrnn plot workdirs/alice -o curves.png
    """
    curves = ModelState.load(directory).plot(out)
    output.show(curves if out is None else f"Wrote {out}.")


@command()
def diff(
    directory: Directory,
    a: Annotated[str, typer.Argument(metavar="A", help='A checkpoint: "best", a branch, or a name that log shows.')],
    b: Annotated[str, typer.Argument(metavar="[B]", help="Another one.")] = "last",
    numchars: Annotated[
        int, typer.Option("--numchars", "-n", metavar="N", help="Characters that both write, to compare.")
    ] = 300,
    rng: Annotated[int, typer.Option(metavar="SEED", help="The seed that both write from.")] = 0,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Compare two checkpoints: settings, losses, weights, texts.

    \b
    charrnn diff workdirs/alice best
    charrnn diff workdirs/alice main lower-lr
    """
    output.show(ModelState.load(directory, a, engine=engine, threads=threads).diff(a, b, numchars, rng))


@command()
def report(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The page to write, such as alice.html.")],
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Write a page that tells all of a model.

    It has curves, samples, surprises, units, and settings.

    \b
    charrnn report workdirs/alice alice.html
    """
    output.show(f"Wrote {ModelState.load(directory, checkpoint, engine=engine, threads=threads).report(file)}.")


@command()
def share(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The page to write, such as poet.html.")],
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the page is called; the name of the text by default.")
    ] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Write a page in which the model writes, in any browser.

    \b
    charrnn share workdirs/poems poet.html --title "A poet"
    """
    output.show(f"Wrote {ModelState.load(directory, checkpoint, engine=engine, threads=threads).share(file, title)}.")


@command()
def verify(
    directory: Directory,
    deep: Annotated[bool, typer.Option("--deep", help="Compute the losses of several checkpoints again.")] = False,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Check every file of a model.

    It computes a stored validation loss again, too.

    \b
    charrnn verify workdirs/alice
    charrnn verify workdirs/alice --deep
    """
    report = ModelState.unrestored(directory, engine=engine, threads=threads).verify(deep=deep)
    output.show(report)
    if not report.ok:
        sys.exit(f"charrnn: {len(report.problems)} of {len(report)} checks failed.")
    output.show("Everything is as it was written.")
