"""What a checkpoint keeps of a session, both ways: the one file for a new field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from charrnn.storage.checkpoint import Checkpoint
from charrnn.training import policies
from charrnn.training.place import Place

if TYPE_CHECKING:
    from charrnn.session.session import Session

HIDDEN_STATE = "place/state"  # name of the streams' hidden state among a checkpoint's arrays


def taken(ms: Session, loss: float | None, facts: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return a session's arrays and its record as they stand, for a checkpoint.

    Parameters
    ----------
    ms
    loss
        Validation loss to file it under, in nats per unit of the data.
    facts
        Anything else to keep, of kinds that JSON can hold.
    """
    arrays = dict(ms.model.arrays())
    if ms.place.state is not None:
        arrays[HIDDEN_STATE] = ms.place.state
    unit = {} if ms.corpus.unit == "char" else {"unit": ms.corpus.unit}
    record = {
        **facts,
        **unit,
        "epoch": ms.place.epoch,
        "pos": ms.place.pos,
        "step": ms.model.steps,
        "policy": ms.policy.to_json(),
        "learnrate": ms.learnrate,
        "engine": ms.model.engine,
        "threads": ms.model.threads,
        "epochs": ms.epochs,
        "valid_loss": loss,
    }
    return arrays, record


def put_back(ms: Session, checkpoint: Checkpoint) -> None:
    """Make a session what a checkpoint says; if the checkpoint cannot be read, nothing changes."""
    arrays, record = ms.workdir.read(checkpoint)
    place = Place(record["epoch"], record["pos"], arrays.pop(HIDDEN_STATE, None))
    policy = policies.make(ms.hyper.policy, record["policy"])
    ms.load_arrays(arrays, record["step"])
    ms.live.place, ms.policy, ms.checkpoint = place, policy, checkpoint
    ms.steplog.forget()


def parameters_of(ms: Session, checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Return a checkpoint's arrays without the hidden state of the streams."""
    arrays, _ = ms.workdir.read(checkpoint)
    arrays.pop(HIDDEN_STATE, None)
    return arrays
