"""What a checkpoint keeps of a session, both ways: the one file for a new field."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from charrnn.storage.checkpoint import Checkpoint
from charrnn.training import policies
from charrnn.training.place import Place

if TYPE_CHECKING:
    from charrnn.session.session import Session

S = TypeVar("S", bound="Session")

HIDDEN_STATE = "place/state"  # name of the streams' hidden state among a checkpoint's arrays


def save(ms: Session, loss: float | None = None, **facts: Any) -> Checkpoint:
    """Save everything as it stands; see `ModelState.newcheckpoint`."""
    if len(ms.steplog):
        write_history(ms, {})
    ms.checkpoint = ms.workdir.save_checkpoint(_arrays(ms), {**facts, **_facts(ms), "valid_loss": loss})
    return ms.checkpoint


def restore(ms: S, checkpoint: str | int | Checkpoint | None = None) -> S:
    """Make a session what a checkpoint says, and return it; if the checkpoint cannot be read, nothing changes."""
    found = ms.workdir.find(checkpoint)
    arrays, record = ms.workdir.read(found)
    place = Place(record["epoch"], record["pos"], arrays.pop(HIDDEN_STATE, None))
    policy = policies.make(record.get("policy_name", ms.hyper.policy), record["policy"])
    ms.live.load(arrays, record["step"])
    ms.live.place, ms.policy, ms.checkpoint = place, policy, found
    ms.steplog.forget()
    return ms


@contextlib.contextmanager
def as_of(ms: Session, checkpoint: Checkpoint) -> Iterator[None]:
    """Give the model a checkpoint's parameters for a `with` block, and its own again afterwards."""
    arrays, _ = ms.workdir.read(checkpoint)
    arrays.pop(HIDDEN_STATE, None)
    model = ms.model
    own = model.arrays()
    model.load_arrays(arrays)
    try:
        with ms.live.holding(model):
            yield
    finally:
        model.load_arrays(own)


def write_history(ms: Session, row: dict[str, Any]) -> None:
    """Append a row to the history, with the steps that are not there yet."""
    ms.history.append(row, ms.steplog.columns())
    ms.steplog.forget()


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
