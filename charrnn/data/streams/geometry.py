"""The numbers of sequences and batches of a text, and their reduction for tiny texts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from charrnn import checks
from charrnn.errors import InvalidValue
from charrnn.wording import plural


@dataclass(frozen=True)
class Geometry:
    """The length T of sequences, B streams, batches in an epoch, and a sentence about reductions, if any."""

    seq_len: int
    batchsize: int
    batchepoch: int
    note: str = ""


def sequences(length: int, seq_len: int) -> int:
    """Return how many sequences of T steps cover the length - 1 predictions of a text.

    >>> sequences(length=1001, seq_len=100), sequences(length=1002, seq_len=100)
    (10, 11)
    """
    return math.ceil((length - 1) / seq_len)


def fit(length: int, seq_len: int, batchsize: int) -> Geometry:
    """Reduce sequence length and batch size until a text can fill a batch.

    Parameters
    ----------
    length : int
        Characters of the text, at least 2.
    seq_len, batchsize : int
        What was asked for.

    Raises
    ------
    InvalidValue
        If one of them is not a whole number from 1 up, or the text is shorter than 2.

    >>> fit(length=100_000, seq_len=100, batchsize=16)
    Geometry(seq_len=100, batchsize=16, batchepoch=63, note='')
    >>> print(fit(length=6, seq_len=100, batchsize=1).note)
    6 characters make 5 predictions, so sequences have 5 steps instead of 100.
    >>> print(fit(length=6, seq_len=2, batchsize=16).note)
    6 characters make 5 predictions; 5 / 2 = 3 sequences, so batches have 3 rows instead of 16.
    """
    checks.whole("seq_len", seq_len)
    checks.whole("batchsize", batchsize)
    if length < 2:
        raise InvalidValue(f"A text of {length} characters has nothing to predict; it takes at least 2.")
    predictions = length - 1
    steps = min(seq_len, predictions)
    rows = min(batchsize, sequences(length, steps))
    note = ""
    if (steps, rows) != (seq_len, batchsize):
        note = f"{length:,} characters make {plural(predictions, 'prediction')}"
        if steps < seq_len:
            note += f", so sequences have {plural(steps, 'step')} instead of {seq_len:,}"
        if rows < batchsize:
            note += f"; {predictions:,} / {steps:,} = {plural(rows, 'sequence')}"
            note += f", so batches have {plural(rows, 'row')} instead of {batchsize:,}"
        note += "."
    return Geometry(steps, rows, math.ceil(sequences(length, steps) / rows), note)
