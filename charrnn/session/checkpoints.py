"""Checkpoints of a session: going back and branching off, comparing, checking, leaving as a single file."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from charrnn.errors import CharRNNError, NotTrainedYet
from charrnn.session import record
from charrnn.session.comparison import Comparison, Side
from charrnn.session.live import between_batches, not_while_training
from charrnn.session.othernames import accepting
from charrnn.storage import timetravel
from charrnn.storage import verify as verification
from charrnn.storage.belongings import DATA, REFS_FILE
from charrnn.storage.bundle import export_bundle
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.verify import OK, Verification
from charrnn.table import Table
from charrnn.training.validate import validation_loss

if TYPE_CHECKING:
    from charrnn.session.session import Session

S = TypeVar("S", bound="Session")

Which = Checkpoint | str | int | None

DEEP = 5  # checkpoints whose losses a deep verification computes
CLOSE = 1e-4  # relative: how far a loss may come out differently on another engine or machine


@not_while_training
@accepting({"cpfile": "checkpoint"}, {})
def restore(ms: S, checkpoint: str | int | Checkpoint | None = None) -> S:
    """Go back to a checkpoint: parameters, optimizer, learning rate, place and hidden states.

    Parameters
    ----------
    checkpoint : str, int or Checkpoint, optional
        The last one by default; ``"best"``, a name, or an index into `checkpoints`.

    Raises
    ------
    CheckpointNotFound, CorruptFile, NewerFormat
        If it is not there or cannot be used; nothing changes then.
    TrainingInBackground
        If the model is training: stop that first.
    """
    return record.restore(ms, checkpoint)


@between_batches
def newcheckpoint(ms: Session, loss: float | None = None, **facts: Any) -> Checkpoint:
    """Save everything now. Training may thin the checkpoint away later, as any other; `pin` it to keep it.

    Parameters
    ----------
    loss : float, optional
        Validation loss to file it under, in nats per character.
    **facts
        Anything else to keep in the checkpoint's `record`, of kinds that JSON can hold.
    """
    with ms.workdir.lock():
        timetravel.resume(ms.workdir, ms.checkpoint, ms.standing)
        ms.standing = ms.workdir.standing(ms.standing.branch)
        return record.save(ms, loss, **facts)


def log(ms: Session) -> Table:
    """Return a table of all checkpoints, with losses, learning rates, notes, and a line that the model wrote then.

    Among its marks are the last checkpoint of each branch, the best of all, and those pinned.
    """
    return timetravel.log(ms.workdir)


@not_while_training
def checkout(ms: S, checkpoint: Which = None) -> S:
    """Return to a checkpoint permanently: later loads start from it, and the history shown ends at it.

    Nothing is lost: where the model stood is pinned, and can be checked out by its name. `restore` is for a look;
    the directory stays as it is, until training goes on from what was restored.

    Parameters
    ----------
    checkpoint : Checkpoint, str or int, optional
        As for `restore`. The name of a branch goes to where that stands, and on along it.

    Raises
    ------
    CheckpointNotFound, CorruptFile, NewerFormat
        If it is not there or cannot be used.
    WorkdirLocked, SaveFailed
        If another process is training this model, or the directory cannot be written.
    TrainingInBackground
        If the model is training: stop that first.
    """
    with ms.workdir.lock():
        record.restore(ms, checkpoint)
        with ms.workdir.edited_refs() as refs:  # another session may have made another branch the current one
            refs.branch = ms.standing.branch if ms.standing.branch in refs.branches else refs.branch
        timetravel.checkout(ms.workdir, ms.checkpoint if checkpoint is None else checkpoint)
        ms.standing = ms.workdir.standing()
    return ms


@not_while_training
def branch(ms: S, name: str) -> S:
    """Start a branch at the model's checkpoint; later checkpoints belong to it.

    Text and earlier checkpoints are shared. `checkout` goes back and forth between branches; the first is "main".

    Parameters
    ----------
    name : str
        Letters, digits and ``_.-``.

    Raises
    ------
    InvalidValue
        If there is such a branch already, or it cannot be a name.
    CheckpointNotFound
        If there is no checkpoint yet.
    WorkdirLocked, SaveFailed, TrainingInBackground
        As `checkout`.

    Examples
    --------
    >>> ms.restore("best").branch("lower-lr")  # doctest: +SKIP
    >>> ms.learnrate /= 10                     # doctest: +SKIP
    >>> ms.train()                             # doctest: +SKIP
    >>> ms.checkout("main")                    # doctest: +SKIP
    """
    if ms.checkpoint is None:
        raise NotTrainedYet(f"{ms.path} has no checkpoint to branch from: train it first.")
    timetravel.branch(ms.workdir, name, ms.checkpoint)
    ms.standing = ms.workdir.standing(name)
    return ms


@between_batches
def pin(ms: Session, checkpoint: Which = None) -> Checkpoint:
    """Keep a checkpoint from being thinned away; where the model stands by default, else as for `restore`."""
    return timetravel.pin(ms.workdir, _meant(ms, checkpoint))


@between_batches
def unpin(ms: Session, checkpoint: Which = None) -> Checkpoint:
    """Let a pinned checkpoint be thinned away again; arguments as for `pin`."""
    return timetravel.unpin(ms.workdir, _meant(ms, checkpoint))


@between_batches
def note(ms: Session, text: str, checkpoint: Which = None) -> Checkpoint:
    """Attach a note to a checkpoint, which keeps it from being thinned away; "" takes it off.

    Arguments as for `pin`.
    """
    return timetravel.note(ms.workdir, text, _meant(ms, checkpoint))


def diff(ms: Session, a: Which, b: Which = None, numchars: int = 300, rng: int = 0) -> Comparison:
    """Compare two checkpoints: settings, losses, the change of each matrix, and samples from one seed.

    Parameters
    ----------
    a, b : Checkpoint, str or int
        As for `restore`; `b` is where the model stands by default.
    numchars, rng
        As for `generate`: how much both write, or how much of a document at most, and from which seed.

    Raises
    ------
    CheckpointNotFound, CorruptFile, NewerFormat
        If one of them is not there or cannot be used.
    """
    found = ms.workdir.find(a), _meant(ms, b)
    one, other = (_side(ms, checkpoint, numchars, rng) for checkpoint in found)
    return Comparison(one, other, ms.task.shown)


def verify(ms: Session, *, deep: bool = False) -> Verification:
    """Check every file against its checksums, and compute stored validation losses again.

    The loss is that of the newest checkpoint that is whole and tells what its loss was measured on; without the
    text, or if the text is damaged, there is none. Nothing changes.

    Parameters
    ----------
    deep : bool
        Compute the losses of several checkpoints: the newest, the best, and others spread evenly.

    Returns
    -------
    Verification
        A table; `ok` and `problems` sum it up.
    """
    report = verification.verify(ms.workdir)
    unusable = [row for row in report if row["state"] != OK and row["file"].startswith((f"{DATA}/", REFS_FILE))]
    if ms.has_text and not unusable:
        for checkpoint in verification.worth_measuring(ms.workdir, DEEP if deep else 1):
            report.append({"file": f"loss of {checkpoint.name}", "state": _loss_state(ms, checkpoint)})
    return report


def export(ms: Session, file: str | os.PathLike[str]) -> Path:
    """Write the model to a single file, a zip, and return its path.

    It holds the last and the best checkpoint and the history, not the text. `ModelState.import_` reads it, on any
    machine. What the directory holds is written: save first (`newcheckpoint`) what changed since.

    Raises
    ------
    CheckpointNotFound, CorruptFile, SaveFailed
        If there is nothing to export yet, it is damaged, or the file cannot be written.
    """
    return export_bundle(ms.workdir, file)


def _meant(ms: Session, checkpoint: Which) -> Checkpoint:
    """Return the checkpoint that a person means, by default where the model stands."""
    return ms.workdir.find(ms.checkpoint if checkpoint is None else checkpoint)


def _side(ms: Session, checkpoint: Checkpoint, numchars: int, rng: int) -> Side:
    with record.as_of(ms, checkpoint):
        return Side(checkpoint, ms.model.parameters, ms.task.write(ms.model, numchars, rng=rng))


def _loss_state(ms: Session, checkpoint: Checkpoint) -> str:
    """Compute a checkpoint's validation loss again, and say whether it is the stored one."""
    with record.as_of(ms, checkpoint):
        try:
            loss = validation_loss(ms.model, ms.valid_data, **checkpoint.record["measured"])
        except CharRNNError as error:
            return str(error)
    if math.isclose(loss, checkpoint.record["valid_loss"], rel_tol=CLOSE):
        return OK
    return f"computed again it is {loss:.6f}, not {checkpoint.loss:.6f}"
