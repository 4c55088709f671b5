"""Commands about checkpoints: branches, notes, pins, going back; and a model as a single file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charrnn.cli import output
from charrnn.cli.options import Directory, Which
from charrnn.cli.program import command
from charrnn.state import ModelState

Checkpoint = Annotated[
    str, typer.Argument(metavar="NAME", help='The checkpoint: "best", a branch, or a name that log shows.')
]
Optional = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="The checkpoint; the last one of the branch by default.")
]


@command()
def checkout(directory: Directory, checkpoint: Checkpoint) -> None:
    """Return to a checkpoint or a branch permanently.

    Training goes on from there.

    \b
    charrnn checkout workdirs/alice best
    charrnn checkout workdirs/alice main
    """
    output.show(output.facts(ModelState.unrestored(directory).checkout(checkpoint)))


@command()
def branch(
    directory: Directory,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The branch to begin; without it, branches are listed.")
    ] = None,
    checkpoint: Which = None,
) -> None:
    """Begin a branch, on which training goes on; or list the branches.

    \b
    charrnn branch workdirs/alice
    charrnn branch workdirs/alice lower-lr --checkpoint best
    """
    if name is None:
        refs = ModelState.unrestored(directory).workdir.refs
        output.show("\n".join(f"{'*' if one == refs.branch else ' '} {one}" for one in refs.branches))
        return
    ms = ModelState.load(directory, checkpoint)
    before = ms.branch_name
    ms.branch(name)
    back = f"charrnn checkout {output.word(directory)} {output.word(before)}"
    output.show(f"{directory} is on branch {ms.branch_name} now. Back again:  {back}")


@command()
def note(
    directory: Directory,
    text: Annotated[str, typer.Argument(metavar="TEXT", help='The note; "" takes it off.')],
    checkpoint: Which = None,
) -> None:
    """Attach a note to a checkpoint, which also keeps it.

    \b
    charrnn note workdirs/alice "before the smaller learning rate"
    charrnn note workdirs/alice "knows quotation marks" --checkpoint best
    """
    noted = ModelState.load(directory, checkpoint).note(text)
    output.show(f"Noted at {noted.name}: {text}" if text else f"Took the note off {noted.name}.")


@command()
def pin(directory: Directory, checkpoint: Optional = None) -> None:
    """Keep a checkpoint from being thinned away.

    \b
    charrnn pin workdirs/alice best
    """
    output.show(f"Pinned {ModelState.load(directory, checkpoint).pin().name}.")


@command()
def unpin(directory: Directory, checkpoint: Optional = None) -> None:
    """Let a pinned checkpoint be thinned away again.

    \b
    charrnn unpin workdirs/alice best
    """
    output.show(f"Unpinned {ModelState.load(directory, checkpoint).unpin().name}.")


@command()
def export(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as alice.zip.")],
) -> None:
    """Write a model to a single file, without its text.

    \b
    charrnn export workdirs/alice alice.zip
    """
    written = ModelState.unrestored(directory).export(file)
    output.show(f"Wrote {written}. To unpack it:  charrnn import {output.word(file)} DIR")
