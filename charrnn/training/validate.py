"""The validation loss: what the model makes of text that it has not learned from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from charrnn.data.streams.batch import Streams
    from charrnn.model.model import Model


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Parameters
    ----------
    loss : float
        Mean cross-entropy in nats per character, without L2.
    accuracy : float
        Share of the characters that were the likeliest, in [0, 1].
    by_label : dict
        For each label column the loss of each label's documents.
    """

    loss: float
    accuracy: float
    by_label: dict[str, dict[str, float]] = field(default_factory=dict)


def validate(
    model: Model,
    data: Streams,
    batchsize: int,
    valid_len: int = 0,
    go_on: Callable[[], bool] = lambda: True,
) -> Validation | None:
    """Measure a model on a text or documents, from a blank state.

    Nothing of the model changes. Each character counts once: repeats made by wrapping, and padding, are masked.
    Documents are read whole: there are fewer streams where one document would otherwise be cut.

    Parameters
    ----------
    model : Model
    data : Streams
    batchsize : int
        Number of streams, B, at most.
    valid_len : int
        Number of batches; 0 for the whole set, which is also the most.
    go_on : callable
        Asked before each batch.

    Returns
    -------
    Validation or None
        None if `go_on` said no before the end.
    """
    batchsize = data.whole(batchsize)
    length = data.batchepoch(batchsize)
    if valid_len:
        length = min(length, valid_len)
    state = model.freshstate(batchsize)
    nats = right = characters = 0.0
    tables = data.tables
    sums = [np.zeros((2, table.size)) for table in tables]  # nats and characters of each label
    for pos in range(length):
        if not go_on():
            return None
        x, y, mask, keep, labels = data.batch(pos, batchsize)
        errors, correct, state = model.assess(x, y, state, keep, labels)
        nats += float(np.sum(errors * mask, dtype="float64"))
        right += float(np.sum(correct * mask, dtype="float64"))
        characters += float(mask.sum())
        for k, (total, table) in enumerate(zip(sums, tables, strict=True)):
            ids = np.asarray(labels)[:, :, k].ravel()
            total += [np.bincount(ids, (errors * mask).ravel(), table.size), np.bincount(ids, mask.ravel(), table.size)]
    by_label = {
        table.name: {table.labelof(int(i)) or "": total[0, i] / total[1, i] for i in np.flatnonzero(total[1])}
        for total, table in zip(sums, tables, strict=True)
    }
    return Validation(nats / characters, right / characters, by_label)


def validation_loss(model: Model, data: Streams, batchsize: int, valid_len: int = 0) -> float:
    """Return the loss alone of what `validate` measures, in nats per character."""
    found = validate(model, data, batchsize, valid_len)
    assert found is not None  # nobody calls it off
    return found.loss
