"""Find the checkpoint that an argument means: the last, the best, a name, a branch, an index."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from charrnn.errors import CharRNNError, CheckpointNotFound, InvalidValue, near_matches
from charrnn.storage.checkpoint import SUFFIX, Checkpoint, place_of
from charrnn.storage.refs import Refs

LAST = "last"
BEST = "best"

Part = tuple[int, int]  # batches, and streams of each
WHOLE: Part = (0, 0)
VALIDATION, TRAINING = "validation", "training"  # figures that checkpoints are compared by, beside "column=label"


@dataclass(frozen=True)
class Lost:
    """A checkpoint that should be there, and is damaged or missing.

    Attributes
    ----------
    error : CharRNNError
        What is wrong with it.
    branch, serial : str or None, int or None
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


class Best(NamedTuple):
    """The best checkpoint: by which figure, how much that is in nats per character, and on which part of the data."""

    checkpoint: Checkpoint
    figure: str
    loss: float
    part: Part


def head(branch: str, refs: Refs, checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return where a branch stands: its newest checkpoint since it was last set somewhere, else where it was set."""
    at = refs.branches[branch]
    for checkpoint in reversed(checkpoints):
        if checkpoint.branch == branch and checkpoint.serial > at.after:
            return checkpoint
    return next((checkpoint for checkpoint in checkpoints if checkpoint.name == at.base), None)


def best(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint with the lowest figure (the first of equals), or None where none has one."""
    found = best_figure(checkpoints)
    return found.checkpoint if found else None


def best_figure(checkpoints: Sequence[Checkpoint]) -> Best | None:
    """Return the best checkpoint and the figure by which it is the best.

    The figure is the validation loss, or what ``train(monitor=...)`` named for the newest checkpoint that was measured.
    Only figures of the same thing are compared. Where there are losses on the whole validation data, those are,
    whatever their batch size; else those on as many batches of the same size as the newest. A loss that does not say
    what it was measured on counts as one on the whole.
    """
    measured = [checkpoint for checkpoint in checkpoints if figure(checkpoint, monitor(checkpoint)) is not None]
    if not measured:
        return None
    name = monitor(measured[-1])
    found = [
        Best(checkpoint, name, loss, WHOLE if name == TRAINING else part_of(checkpoint.record.get("measured")))
        for checkpoint in checkpoints
        if (loss := figure(checkpoint, name)) is not None
    ]
    part = WHOLE if any(one.part == WHOLE for one in found) else found[-1].part
    return min((one for one in found if one.part == part), key=lambda one: one.loss)


def monitor(checkpoint: Checkpoint) -> str:
    """Return the name of the figure that a checkpoint was made by: `VALIDATION`, `TRAINING`, or ``"column=label"``."""
    return next(iter(_monitored(checkpoint)), VALIDATION)


def figure(checkpoint: Checkpoint, name: str) -> float | None:
    """Return a figure of a checkpoint, in nats per character; None if it was not measured."""
    others = {VALIDATION: checkpoint.loss, TRAINING: checkpoint.record.get("train_loss")}
    value = {**others, **_monitored(checkpoint)}.get(name)
    return float(value) if isinstance(value, int | float) and not math.isnan(value) else None


def _monitored(checkpoint: Checkpoint) -> Mapping[str, Any]:
    kept = checkpoint.record.get("monitored")
    return kept if isinstance(kept, Mapping) else {}


def part_of(measured: object) -> Part:
    """Return the data that a loss was measured on: the numbers of batches and streams, or `WHOLE`.

    >>> part_of({"batchsize": 16, "valid_len": 20}), part_of({"batchsize": 16, "valid_len": 0}), part_of(None)
    ((20, 16), (0, 0), (0, 0))
    """
    given = measured if isinstance(measured, Mapping) else {}
    length, streams = given.get("valid_len"), given.get("batchsize")
    return (length, streams) if length and isinstance(length, int) and isinstance(streams, int) else WHOLE


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
