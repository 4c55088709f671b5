"""Thin checkpoints: the older, the sparser."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from charrnn.storage import lookup
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.workdir import WorkDir

RECENT = 8


def thin(workdir: WorkDir, max_bytes: int | None = None) -> list[Checkpoint]:
    """Remove checkpoints that `superfluous` names, and return those removed.

    The best, the pinned, those with a note, and the first and the last of every branch stay, even beyond `max_bytes`.

    Raises
    ------
    WorkdirLocked, SaveFailed
        If another process is writing, or the directory is read-only.
    """
    with workdir.lock():
        refs, found, _ = workdir.snapshot()
        kept = [lookup.best(found), *(lookup.head(name, refs, found) for name in refs.branches)]
        firsts = {checkpoint.branch: checkpoint for checkpoint in reversed(found)}
        keep = refs.named() | {checkpoint.name for checkpoint in [*kept, *firsts.values()] if checkpoint}
        gone = superfluous(found, keep, max_bytes)
        if gone:  # written down before: what is listed is there
            workdir.take_stock(forget={checkpoint.name for checkpoint in gone})
        return workdir.shelf.remove(gone)


def superfluous(
    checkpoints: Sequence[Checkpoint], keep: Collection[str], max_bytes: int | None = None
) -> list[Checkpoint]:
    """Return the checkpoints that may go, most dispensable first.

    A checkpoint whose serial number is divisible by p, a power of two, stays while it is among the last 8·p: all of the
    last 8, every second of the last 16, every fourth of the last 32 ... As this depends on n alone, thinning often or
    seldom leaves the same ones.

    Parameters
    ----------
    checkpoints : sequence of Checkpoint
        All there are, in the order of saving.
    keep : collection of str
        Names that always stay.
    max_bytes : int, optional
        If those that remain take more on disk than this, more go, in the order in which they would have gone in time.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> made = [SimpleNamespace(name=str(n), serial=n) for n in range(1, 41)]
    >>> gone = {checkpoint.serial for checkpoint in superfluous(made, keep={"1"})}
    >>> [n for n in range(1, 41) if n not in gone]
    [1, 8, 12, 16, 20, 24, 26, 28, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40]
    """
    newest = max((checkpoint.serial for checkpoint in checkpoints), default=0)

    def age(checkpoint: Checkpoint) -> float:
        return (newest - checkpoint.serial) / (checkpoint.serial & -checkpoint.serial)

    candidates = sorted((c for c in checkpoints if c.name not in keep), key=age, reverse=True)
    gone = [candidate for candidate in candidates if age(candidate) >= RECENT]
    if max_bytes is not None:
        sizes = {checkpoint.name: _size(checkpoint) for checkpoint in checkpoints}
        left = sum(sizes.values()) - sum(sizes[checkpoint.name] for checkpoint in gone)
        for candidate in candidates[len(gone) :]:
            if left <= max_bytes:
                break
            gone.append(candidate)
            left -= sizes[candidate.name]
    return gone


def _size(checkpoint: Checkpoint) -> int:
    """Return the bytes of a checkpoint's file; 0 if it is gone."""
    try:
        return os.lstat(checkpoint.path).st_size
    except OSError:
        return 0
