"""Find the checkpoint that an argument means: the last, the best, a name, a branch, an index."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from charrnn.errors import CharRNNError, CheckpointNotFound, InvalidValue, near_matches
from charrnn.storage.checkpoint import SUFFIX, Checkpoint, place_of
from charrnn.storage.refs import Refs

LAST = "last"
BEST = "best"


@dataclass(frozen=True)
class Lost:
    """A checkpoint that should be there, and is damaged or missing.

    Attributes
    ----------
    error
        What is wrong with it.
    branch, serial
        As they are recorded of it; None if nothing is.
    """

    error: CharRNNError
    branch: str | None = None
    serial: int | None = None

    def may_come_after(self, name: str, chosen: Checkpoint | None, branch: str, after: int) -> bool:
        """Return whether, for all that is known of it, it is newer on a branch than the checkpoint chosen there."""
        if self.serial is not None:
            return self.branch == branch and self.serial > max(after, chosen.serial if chosen else 0)
        place = place_of(name)
        return place is not None and place.step > (chosen.step if chosen else -1)


def head(branch: str, refs: Refs, checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return where a branch stands: its newest checkpoint since it was last set somewhere, else where it was set."""
    at = refs.branches[branch]
    for checkpoint in reversed(checkpoints):
        if checkpoint.branch == branch and checkpoint.serial > at.after:
            return checkpoint
    return next((checkpoint for checkpoint in checkpoints if checkpoint.name == at.base), None)


def best(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint with the lowest validation loss (the first of equals), or None where none has a loss."""
    measured = [c for c in checkpoints if c.loss is not None and not math.isnan(c.loss)]
    return min(measured, key=lambda checkpoint: checkpoint.loss or 0.0, default=None)


def newest_serial(refs: Refs, checkpoints: Sequence[Checkpoint]) -> int:
    """Return the highest serial number given so far, whether or not its checkpoint still exists."""
    return max(*(at.after for at in refs.branches.values()), *(checkpoint.serial for checkpoint in checkpoints), 0, 0)


def find(
    which: str | int | None, refs: Refs, checkpoints: Sequence[Checkpoint], lost: Mapping[str, Lost]
) -> Checkpoint:
    """Return the checkpoint that `which` means (see `WorkDir.find`).

    A lost checkpoint is never passed over in silence: if it may be the one meant, its error is raised.
    """
    chosen: Checkpoint | None
    suspects: list[str]
    if isinstance(which, bool) or not isinstance(which, int | str | None):
        raise InvalidValue(f'checkpoint {which!r}: expected a name, "best", a branch, or an index.')
    if isinstance(which, int):
        suspects = []
        chosen = checkpoints[which] if -len(checkpoints) <= which < len(checkpoints) else None
    elif which is None or which == LAST or which in refs.branches:
        branch = refs.branch if which in (None, LAST) else str(which)
        chosen, after = head(branch, refs, checkpoints), refs.branches[branch].after
        suspects = [name for name, item in lost.items() if item.may_come_after(name, chosen, branch, after)]
    elif which == BEST:
        chosen = best(checkpoints)
        most = math.inf if chosen is None or chosen.loss is None else chosen.loss
        suspects = [name for name in lost if (place := place_of(name)) and place.loss < most]
    else:
        name = Path(which).name.removesuffix(SUFFIX)
        chosen = next((checkpoint for checkpoint in checkpoints if checkpoint.name == name), None)
        suspects = [name] if name in lost else []
    if suspects:
        raise lost[suspects[0]].error
    if chosen is None:
        raise _not_found(which, refs, checkpoints)
    return chosen


def _not_found(which: str | int | None, refs: Refs, checkpoints: Sequence[Checkpoint]) -> CheckpointNotFound:
    if not checkpoints:
        return CheckpointNotFound("no checkpoint is left, though some were saved: put back a copy of their folder.")
    if isinstance(which, int):
        return CheckpointNotFound(
            f"there is no checkpoint {which}: expected 0 to {len(checkpoints) - 1}, or from the end -1 ..."
        )
    if which is None or which == LAST or which in refs.branches:
        branch = refs.branch if which in (None, LAST) else str(which)
        base = refs.branches[branch].base
        began = f" (it began at {base}, which is missing)" if base else ""
        return CheckpointNotFound(f"branch {branch} has no checkpoint left{began}: ask for another one by name.")
    if which == BEST:
        return CheckpointNotFound(
            "no checkpoint has a validation loss, so none is the best: ask for the last, or a name."
        )
    names = [*(checkpoint.name for checkpoint in checkpoints), *refs.branches, LAST, BEST]
    return CheckpointNotFound(f"there is no checkpoint {which!r}. {near_matches(which, names)}")
