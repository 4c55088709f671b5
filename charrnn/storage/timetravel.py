"""Return to a checkpoint, branch off one, pin or annotate it."""

from __future__ import annotations

import re
import warnings

from charrnn.errors import CorruptFile, DamageWarning, InvalidValue
from charrnn.storage import lookup
from charrnn.storage.checkpoint import Checkpoint, place_of
from charrnn.storage.modeldir import Which
from charrnn.storage.refs import Branch, Refs
from charrnn.storage.standing import Standing
from charrnn.storage.workdir import WorkDir
from charrnn.table import Table
from charrnn.wording import part


def checkout(workdir: WorkDir, which: Which = None) -> Checkpoint:
    """Return to a checkpoint: the next one saved has it as parent, and the history continues from there.

    The checkpoint where the branch stood before is pinned, so that it is not thinned away.

    Parameters
    ----------
    workdir : WorkDir
        The working directory.
    which : Which
        As in `WorkDir.find`; the name of a branch makes that branch the current one.

    Raises
    ------
    CheckpointNotFound, CorruptFile
        As `WorkDir.find`.
    WorkdirLocked, SaveFailed
        If another process is writing, or the disk is full or read-only.

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
    with workdir.lock():
        chosen = workdir.find(which)
        with workdir.edited_refs() as refs:
            if isinstance(which, str) and which in refs.branches:
                refs.branch = which
            _go_to(workdir, refs, chosen)
        _settle(workdir, chosen.history)
    return chosen


def resume(workdir: WorkDir, chosen: Checkpoint | None, standing: Standing) -> None:
    """Make a session's branch the current one, continuing from a checkpoint; call it before training.

    Parameters
    ----------
    workdir : WorkDir
        The working directory.
    chosen : Checkpoint, optional
        What the session has restored; None for a model that is new.
    standing : Standing
        The session's branch, and where that stood when the session last saved or loaded: see `WorkDir.standing`.

    Raises
    ------
    BranchMoved
        If another session moved the branch since. Nothing changes then.
    WorkdirLocked, ModelReplaced, SaveFailed
        As `WorkDir.lock`.
    """
    with workdir.lock():
        with workdir.edited_refs() as refs:
            standing.require_unmoved(refs, workdir.snapshot()[1])
            refs.branch = standing.branch
            if chosen is not None:
                _go_to(workdir, refs, chosen)
        _settle(workdir, chosen.history if chosen else 0)


def _go_to(workdir: WorkDir, refs: Refs, chosen: Checkpoint) -> None:
    """Set the current branch to a checkpoint, and pin where it stood."""
    _, found, lost = workdir.snapshot()
    stood, after = lookup.head(refs.branch, refs, found), refs.branches[refs.branch].after
    if chosen != stood or any(item.may_come_after(name, chosen, refs.branch, after) for name, item in lost.items()):
        inventory = workdir.inventory
        newest = max(lookup.newest_serial(refs, found), inventory.newest if inventory else 0)
        refs.branches[refs.branch] = Branch(chosen.name, after=newest)
    if stood and chosen != stood and stood.name not in refs.pinned:
        refs.pinned.append(stood.name)


def _settle(workdir: WorkDir, mark: int) -> None:
    """Let the history end at `mark`, and set damaged checkpoints aside, which might otherwise count as the last.

    What belongs to another model, or could not be read this time, stays where it is.
    """
    workdir.history.goto(mark)
    damaged = [name for name, item in workdir.snapshot()[2].items() if type(item.error) is CorruptFile]
    for name in damaged:
        aside = workdir.shelf.set_aside(name)
        warnings.warn(f"set aside a damaged checkpoint as {aside}.", DamageWarning, stacklevel=4)
    workdir.take_stock(forget=damaged)


def branch(workdir: WorkDir, name: str, which: Which = None) -> Checkpoint:
    """Begin a branch at a checkpoint (`which` as in `WorkDir.find`) and make it the current one; nothing is copied.

    Raises
    ------
    InvalidValue
        If the name is taken, or not made of letters, digits and `_.-`.
    CheckpointNotFound, CorruptFile, WorkdirLocked, SaveFailed
        As `checkout`.
    """
    with workdir.lock():
        with workdir.edited_refs() as refs:
            chosen = workdir.find(which)
            if name in refs.branches:
                raise InvalidValue(f"branch {name!r} exists already: check it out, or choose another name.")
            plain = isinstance(name, str) and re.fullmatch(r"[\w.-]+", name)
            if not plain or name in (lookup.LAST, lookup.BEST) or place_of(name):
                raise InvalidValue(
                    f"{name!r} cannot name a branch: expected letters, digits and _.-, and neither {lookup.LAST!r} "
                    f"nor {lookup.BEST!r} nor the name of a checkpoint. Choose another name."
                )
            refs.branches[name] = Branch(chosen.name, after=lookup.newest_serial(refs, workdir.snapshot()[1]))
            refs.branch = name
        workdir.history.goto(chosen.history)
        workdir.take_stock()
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

    Losses are in nats per character, on the whole validation data unless "measured on" tells a part of it; `learnrate`,
    `train_loss` and `sample` are shown where the records hold them.
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
            "measured on": _part(checkpoint),
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


def _part(checkpoint: Checkpoint) -> str | None:
    """Return what a loss was measured on, if that is a part of the validation data."""
    return None if checkpoint.loss is None else part(*lookup.part_of(checkpoint.record.get("measured")))


def _one_line(sample: str | None) -> str | None:
    return " ".join(sample.split())[:40] if sample else None
