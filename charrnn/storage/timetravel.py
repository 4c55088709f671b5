"""Going back to a checkpoint, branching off one, and keeping or annotating it."""

from __future__ import annotations

import re
import warnings

from charrnn.errors import CorruptFile, DamageWarning, InvalidValue
from charrnn.storage import lookup
from charrnn.storage.checkpoint import Checkpoint, place_of
from charrnn.storage.refs import Branch
from charrnn.storage.workdir import Which, WorkDir
from charrnn.table import Table


def checkout(workdir: WorkDir, which: Which = None) -> Checkpoint:
    """Go on from a checkpoint: the next one saved has it as parent, and the history continues from there.

    Call it before training goes on from whatever was restored. Where the branch stood before is pinned, so it stays.

    Parameters
    ----------
    workdir
        The working directory.
    which
        As in `WorkDir.find`; the name of a branch makes that branch the current one.

    Raises
    ------
    CheckpointNotFound, CorruptFile
        As `WorkDir.find`.
    WorkdirLocked, SaveFailed
        Another process is writing; the disk is full or read-only.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     workdir = WorkDir.create(Path(parent, "m"), {})
    ...     for step in (10, 20, 30):
    ...         saved = workdir.save_checkpoint({}, {"epoch": 0, "step": step, "valid_loss": None})
    ...     gone_back = checkout(workdir, 1)
    ...     saved = workdir.save_checkpoint({}, {"epoch": 0, "step": 21, "valid_loss": None})
    >>> saved.parent
    'e0000-s00000020-vnone'
    """
    with workdir.edited_refs() as refs:
        chosen = workdir.find(which)
        if isinstance(which, str) and which in refs.branches:
            refs.branch = which
        _, found, damaged = workdir.snapshot()
        stood = lookup.head(refs.branch, refs, found)
        if chosen != stood:
            refs.branches[refs.branch] = Branch(chosen.name, after=lookup.newest_serial(refs, found))
            if stood and stood.name not in refs.pinned:
                refs.pinned.append(stood.name)
        for name, error in damaged.items():
            if isinstance(error, CorruptFile):  # or it would go on being suspected of being the last
                aside = workdir.shelf.set_aside(name)
                warnings.warn(f"set aside a damaged checkpoint as {aside}.", DamageWarning, stacklevel=4)
    workdir.history.goto(chosen.history)
    return chosen


def branch(workdir: WorkDir, name: str, which: Which = None) -> Checkpoint:
    """Begin a branch at a checkpoint (`which` as in `WorkDir.find`) and make it the current one; nothing is copied.

    Raises
    ------
    InvalidValue
        The name is taken, or not made of letters, digits and `_.-`.
    CheckpointNotFound, CorruptFile, WorkdirLocked, SaveFailed
        As `checkout`.
    """
    with workdir.edited_refs() as refs:
        chosen = workdir.find(which)
        if name in refs.branches:
            raise InvalidValue(f"branch {name!r} exists already: check it out, or choose another name.")
        plain = isinstance(name, str) and re.fullmatch(r"[\w.-]+", name)
        if not plain or name in (lookup.LAST, lookup.BEST) or place_of(name):
            raise InvalidValue(
                f"{name!r} cannot name a branch: expected letters, digits and _.- only, and neither {lookup.LAST!r} "
                f"nor {lookup.BEST!r} nor the name of a checkpoint. Choose another name."
            )
        refs.branches[name] = Branch(chosen.name, after=lookup.newest_serial(refs, workdir.snapshot()[1]))
        refs.branch = name
    workdir.history.goto(chosen.history)
    return chosen


def branches(workdir: WorkDir) -> dict[str, Checkpoint | None]:
    """Return where each branch stands."""
    refs, found, _ = workdir.snapshot()
    return {name: lookup.head(name, refs, found) for name in refs.branches}


def pin(workdir: WorkDir, which: Which = None) -> Checkpoint:
    """Keep a checkpoint (`which` as in `WorkDir.find`) from being thinned away."""
    with workdir.edited_refs() as refs:
        chosen = workdir.find(which)
        refs.pinned = [*(name for name in refs.pinned if name != chosen.name), chosen.name]
    return chosen


def unpin(workdir: WorkDir, which: Which = None) -> Checkpoint:
    """Let a checkpoint (`which` as in `WorkDir.find`) be thinned away again."""
    with workdir.edited_refs() as refs:
        chosen = workdir.find(which)
        refs.pinned = [name for name in refs.pinned if name != chosen.name]
    return chosen


def note(workdir: WorkDir, text: str, which: Which = None) -> Checkpoint:
    """Attach a note to a checkpoint (`which` as in `WorkDir.find`), which also keeps it; an empty one is taken off."""
    with workdir.edited_refs() as refs:
        chosen = workdir.find(which)
        if not isinstance(text, str):
            raise InvalidValue(f"A note is a text, which {text!r} is not.")
        refs.notes.pop(chosen.name, None)
        if text:
            refs.notes[chosen.name] = text
    return chosen


def log(workdir: WorkDir) -> Table:
    """Return a table of all checkpoints in the order of saving, with branches, marks, and notes.

    Losses are in nats per character; `learnrate`, `train_loss` and `sample` are shown where the records hold them.
    """
    refs, found = workdir.refs, workdir.checkpoints
    marks: dict[str, list[str]] = {}
    for name, stands in branches(workdir).items():
        if stands:
            marks.setdefault(stands.name, []).append(f"last of {name}" if name != refs.branch else lookup.LAST)
    if best := lookup.best(found):
        marks.setdefault(best.name, []).append(lookup.BEST)
    for pinned in refs.pinned:
        marks.setdefault(pinned, []).append("pinned")
    rows = (
        {
            "name": checkpoint.name,
            "epoch": checkpoint.epoch,
            "step": checkpoint.step,
            "valid_loss": checkpoint.loss,
            "train_loss": checkpoint.record.get("train_loss"),
            "learnrate": checkpoint.record.get("learnrate"),
            "time": f"{checkpoint.time:%Y-%m-%d %H:%M}",
            "branch": checkpoint.branch,
            "marks": ", ".join(marks.get(checkpoint.name, [])),
            "note": refs.notes.get(checkpoint.name),
            "sample": _one_line(checkpoint.record.get("sample")),
        }
        for checkpoint in found
    )
    spare = ("step", "epoch", "branch" if len(refs.branches) == 1 else "", "time", "learnrate", "train_loss", "sample")
    return Table(rows, cut=("sample", "note"), spare=(*spare, "branch", "note", "marks"))


def _one_line(sample: str | None) -> str | None:
    return " ".join(sample.split())[:40] if sample else None
