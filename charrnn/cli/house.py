"""Commands that keep house among models: to list, rename, copy, prune, remove and repair them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charrnn.cli import output
from charrnn.cli.options import Directory
from charrnn.cli.program import command
from charrnn.errors import InvalidValue
from charrnn.storage import housekeeping, repair
from charrnn.storage.workdir import WorkDir
from charrnn.wording import plural

New = Annotated[Path, typer.Argument(metavar="NEW", help="The new path; a name alone is one beside the old one.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@command("list")
def list_(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where the models are.")] = Path("workdirs"),
) -> None:
    """List the models in a folder, with losses and disk use.

    \b
    charrnn list
    charrnn list experiments
    """
    found = housekeeping.models(folder)
    output.show(found if found else f"There is no model in {folder}.")


@command()
def rename(directory: Directory, new: New) -> None:
    """Move a model to another place on the same disk.

    \b
    charrnn rename workdirs/alice alice-small
    """
    output.show(f"{directory} is {housekeeping.rename(directory, new).path} now.")


@command()
def copy(directory: Directory, new: New) -> None:
    """Copy a model as it stands now.

    \b
    charrnn copy workdirs/alice alice-2
    """
    output.show(f"Copied {directory} to {housekeeping.copy(directory, new).path}.")


@command()
def prune(directory: Directory, yes: Yes = False) -> None:
    """Remove the checkpoints that need not be kept, after asking.

    The best, the pinned, those with a note, and the first and the last of every branch stay.

    \b
    charrnn prune workdirs/alice
    """
    _ask(f"Remove the checkpoints of {WorkDir.open(directory).path} that are neither best, pinned nor noted?", yes)
    output.show(f"Removed {plural(len(housekeeping.prune(directory)), 'checkpoint')}.")


@command()
def rm(directory: Directory, yes: Yes = False) -> None:
    """Remove a model, after asking; files that are not charrnn's stay.

    \b
    charrnn rm workdirs/alice
    """
    _ask(f"Remove the model in {directory} with all its checkpoints?", yes)
    left = housekeeping.remove(directory)
    output.show(f"Removed the model in {directory}.")
    if left:
        output.show(f"Left what is not charrnn's: {', '.join(left)}.")


@command("repair")
def repair_(directory: Directory, yes: Yes = False) -> None:
    """Repair a damaged model, after asking.

    It says first what is damaged and what can be saved. A copy is kept of everything that is replaced.

    \b
    charrnn repair workdirs/alice
    """
    found = repair.examine(directory)
    if not found.needed:
        output.show("Everything is as it was written.")
        return
    output.show(found)
    _ask("Do this?", yes)
    output.show(f"Done. What was replaced is kept in {found.carry_out()}.")


def _ask(question: str, yes: bool) -> None:
    """Ask before something is done, unless `yes`.

    Raises
    ------
    InvalidValue
        If the answer is not yes, or there is nobody to answer.
    """
    if yes:
        return
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        raise InvalidValue("There is nobody to answer: type --yes to do it without being asked.") from None
    if answer.strip().lower() not in ("y", "yes"):
        raise InvalidValue("Nothing was changed.")
