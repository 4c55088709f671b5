"""Commands about this machine: the prompt, the corpora that there are, what charrnn runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from charrnn.cli import output
from charrnn.cli.options import Engine, Threads, Which
from charrnn.cli.program import command
from charrnn.data.builtin import corpora as builtin
from charrnn.state import ModelState
from charrnn.table import Table


@command()
def shell(
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A model to load as ms.")] = None,
    checkpoint: Which = None,
    engine: Engine = "auto",
    threads: Threads = None,
) -> None:
    """Open IPython with charrnn's names, and a model as ms.

    \b
    charrnn shell workdirs/alice
    """
    import IPython

    import charrnn
    from charrnn.session import completion

    names: dict[str, Any] = {name: getattr(charrnn, name) for name in charrnn.__all__}
    if directory is None:
        output.show(
            'ms = ModelState.initfromsrcfile("alice.txt", "workdirs/alice") makes a model; help(ModelState) tells more.'
        )
    else:
        names["ms"] = ModelState.load(directory, checkpoint, engine=engine, threads=threads)
        output.show(names["ms"])
    options = ["--no-banner", "--InteractiveShell.xmode=Minimal"]  # %tb tells more
    IPython.start_ipython(argv=[*options, f"--ext={completion.__name__}"], user_ns=names)


@command()
def corpora(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print the file of this one, fetched if need be.")
    ] = None,
) -> None:
    """List texts and music to begin with, or print the file of one.

    \b
    charrnn corpora
    charrnn new "$(charrnn corpora tale)" workdirs/tale
    """
    if name is not None:
        output.show(builtin.path(name))
        return
    rows = [
        {"name": one, "what": builtin.ABOUT[one], "network": "" if builtin.is_here(one) else "needed"}
        for one in builtin.names()
    ]
    output.show(Table(rows, cut=("what",)))
    output.show('\nTo learn from one:  charrnn new "$(charrnn corpora tale)" workdirs/tale')


@command()
def doctor() -> None:
    """Show versions and engines, and measure the speed.

    \b
    charrnn doctor
    """
    from charrnn.doctor import report

    output.show(report())
