"""The validation loss: what the model makes of text that it has not learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from charrnn.data.dataset import DataSet
    from charrnn.model.model import Model


def validation_loss(
    model: Model,
    data: DataSet,
    batchsize: int,
    valid_len: int = 0,
    go_on: Callable[[], bool] = lambda: True,
) -> float | None:
    """Return the mean cross-entropy, in nats per character, without L2, from a blank state.

    Nothing of the model changes. Each character counts once: repeats made by wrapping are masked.

    Parameters
    ----------
    model : Model
    data : DataSet
    batchsize : int
        Number of streams, B.
    valid_len : int
        Number of batches; 0 for the whole set, which is also the most.
    go_on : callable
        Asked before each batch.

    Returns
    -------
    float or None
        None if `go_on` said no before the end.
    """
    length = data.batchepoch(batchsize)
    if valid_len:
        length = min(length, valid_len)
    state = model.freshstate(batchsize)
    nats = characters = 0.0
    for pos in range(length):
        if not go_on():
            return None
        x, y, mask = data.batch(pos, batchsize)[:3]
        batch_nats, state = model.loss(x, y, state, mask)
        nats += batch_nats
        characters += float(mask.sum())
    return nats / characters
