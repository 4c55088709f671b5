"""The record of a checkpoint, both ways: `_facts` writes each field of a session, `restore` reads it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.storage.checkpoint import Checkpoint
from charrnn.storage.checkpointfile import nonfinite
from charrnn.storage.lookup import LAST
from charrnn.storage.standing import Standing
from charrnn.training import policies
from charrnn.training.place import Place

if TYPE_CHECKING:
    from charrnn.session.session import Session

S = TypeVar("S", bound="Session")

HIDDEN_STATE = "place/state"  # name of the streams' hidden state among a checkpoint's arrays


def save(
    ms: Session, loss: float | None = None, *, history_row: dict[str, Any] | None = None, **facts: Any
) -> Checkpoint:
    """Save everything as it stands, a row of the history first; see `ModelState.newcheckpoint`.

    Raises
    ------
    InvalidValue
        If a parameter or state is infinite or not a number.
    """
    arrays = _arrays(ms)
    if broken := nonfinite(arrays):
        raise InvalidValue(
            f"{', '.join(broken[:3])} hold infinities or what is not a number: nothing was saved. "
            "ms.restore() goes back to the last checkpoint."
        )
    with ms.workdir.lock(), ms.history.provisional():
        if history_row is not None or len(ms.steplog):
            ms.history.append(history_row or {}, ms.steplog.columns())
        saved = ms.workdir.save_checkpoint(arrays, {**facts, **_facts(ms), "valid_loss": loss}, ms.standing)
    ms.steplog.forget()  # not before the save, which may fail
    ms.checkpoint, ms.standing = saved, Standing(saved.branch, saved.name, saved.serial)
    return saved


def restore(ms: S, checkpoint: str | int | Checkpoint | None = None) -> S:
    """Restore a session to a checkpoint, and return it; if the checkpoint cannot be read, nothing changes."""
    which = checkpoint
    if not isinstance(which, Checkpoint) and which in (None, LAST) and ms.workdir.refs.branch != ms.standing.branch:
        which = ms.standing.branch  # another session has made another branch the current one
    found, arrays = ms.workdir.load(which)
    record = found.record
    place = Place(record["epoch"], record["pos"], arrays.pop(HIDDEN_STATE, None))
    policy = policies.make(record.get("policy_name", ms.hyper.policy), record["policy"])
    ms.live.load(arrays, record["step"])
    ms.live.place, ms.policy, ms.checkpoint = place, policy, found
    ms.steplog.forget()
    now = ms.workdir.standing(ms.standing.branch)
    if now.head == found.name or (found.branch == now.branch and found.serial > ms.standing.serial):
        ms.standing = now  # this session has seen what another one has added to the branch
    return ms


@contextlib.contextmanager
def as_of(ms: Session, checkpoint: Checkpoint) -> Iterator[None]:
    """Give the model a checkpoint's parameters for a `with` block, and its own again afterwards."""
    _, arrays = ms.workdir.load(checkpoint)
    arrays.pop(HIDDEN_STATE, None)
    model = ms.model
    own = model.arrays()
    model.load_arrays(arrays)
    try:
        with ms.live.holding(model):
            yield
    finally:
        model.load_arrays(own)


def _arrays(ms: Session) -> dict[str, np.ndarray]:
    state = {} if ms.place.state is None else {HIDDEN_STATE: ms.place.state}
    return {**ms.model.arrays(), **state}


def _facts(ms: Session) -> dict[str, Any]:
    unit = {} if ms.corpus.unit == "char" else {"unit": ms.corpus.unit}
    return {
        **unit,
        "epoch": ms.place.epoch,
        "pos": ms.place.pos,
        "step": ms.model.steps,
        "policy": ms.policy.to_json(),
        "policy_name": policies.name_of(ms.policy),
        "learnrate": ms.learnrate,
        "engine": ms.model.engine,
        "threads": ms.model.threads,
        "epochs": ms.epochs,
    }
