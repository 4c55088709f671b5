"""Compare two checkpoints: settings, losses, weights, and samples."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from charrnn.columns import folded, padded
from charrnn.storage.checkpoint import Checkpoint
from charrnn.table import Table

LOSSES = ("valid_loss", "train_loss")  # of a checkpoint's record
UNCOMPARED = ("sample", "pos", "epochs", "reference", "yardstick", *LOSSES)  # what is in a record, but no setting


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two: a checkpoint, its parameters by name, and a text or piece that the model wrote with them."""

    checkpoint: Checkpoint
    parameters: Mapping[str, np.ndarray]
    sample: Any


@dataclass(frozen=True, eq=False)
class Comparison:
    """The differences between checkpoints `a` and `b`; they print as tables and two columns of text.

    Attributes
    ----------
    a, b : Side
    shown : callable
        Takes a sample and a number of columns; returns the sample as lines.
    settings : Table
        What was set or reached differently: `what`, `a`, `b`.
    losses : Table
        Validation and training loss, in nats per character: `loss`, `a`, `b`, `change`.
    weights : Table
        For each parameter its `shape`, root mean square in `a` and `b`, and the norm of the difference relative to
        that of `a` (None where that is 0): `matrix`, `shape`, `rms a`, `rms b`, `change`.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from pathlib import Path
    >>> def made(name, loss, W, sample):
    ...     record = {"learnrate": 0.1 * loss, "valid_loss": loss}
    ...     time = datetime(2024, 1, 1, tzinfo=UTC)
    ...     checkpoint = Checkpoint(name, Path(name), 1, 10, 0, loss, time, "main", None, 1, 0, record)
    ...     return Side(checkpoint, {"W": np.full((2, 2), W)}, sample)
    >>> comparison = Comparison(made("x", 2.0, 1.0, "an owl"), made("y", 1.5, 1.5, "an otter"))
    >>> print(comparison.weights)
    matrix  shape   rms a   rms b  change
    W       2×2    1.0000  1.5000  0.5000
    >>> comparison.losses[0]["change"], comparison.settings[0]["what"]
    (-0.5, 'learnrate')
    """

    a: Side
    b: Side
    shown: Callable[[Any, int], str] = folded

    @property
    def settings(self) -> Table:
        a, b = _flat(self.a.checkpoint.record), _flat(self.b.checkpoint.record)
        a["branch"], b["branch"] = self.a.checkpoint.branch, self.b.checkpoint.branch
        names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
        return Table({"what": name, "a": _shown(a.get(name)), "b": _shown(b.get(name))} for name in names)

    @property
    def losses(self) -> Table:
        return Table(
            {"loss": name, "a": a, "b": b, "change": None if a is None or b is None else b - a}
            for name in LOSSES
            for a, b in [(self.a.checkpoint.record.get(name), self.b.checkpoint.record.get(name))]
        )

    @property
    def weights(self) -> Table:
        rows = ((name, a, self.b.parameters[name]) for name, a in self.a.parameters.items())
        return Table(
            {
                "matrix": name,
                "shape": "×".join(map(str, a.shape)),
                "rms a": _rms(a),
                "rms b": _rms(b),
                "change": _rms(b - a) / _rms(a) if a.any() else None,
            }
            for name, a, b in rows
        )

    def __repr__(self) -> str:
        names = f"a  {self.a.checkpoint!r}\nb  {self.b.checkpoint!r}"
        width = shutil.get_terminal_size().columns
        half = max((width - 3) // 2, 8)
        a, b = (self.shown(side.sample, half) for side in (self.a, self.b))
        samples = "\n".join(_side_by_side(a, b, half))
        settings = [repr(self.settings)] if self.settings else []
        return "\n\n".join([names, *settings, repr(self.losses), repr(self.weights), samples])


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's settings, those of its parts among them.

    >>> _flat({"epoch": 1, "policy": {"learnrate": 0.1}, "sample": "text"})
    {'epoch': 1, 'learnrate': 0.1}
    """
    flat: dict[str, Any] = {}
    for name, value in record.items():
        flat |= _flat(value) if isinstance(value, Mapping) else {name: value}
    return {name: value for name, value in flat.items() if name not in UNCOMPARED}


def _shown(value: Any) -> str | None:
    """Return a setting as text, so that each is shown in its own precision."""
    if value is None:
        return None
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _rms(array: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def _side_by_side(a: str, b: str, half: int) -> Iterator[str]:
    """Yield lines of two texts in columns.

    >>> for line in _side_by_side("one\\ntwo", "a longer\\ntext", half=9):
    ...     print(line)
    a writes  │ b writes
    one       │ a longer
    two       │ text
    """
    columns = [[f"{name} writes", *text.splitlines()] for name, text in (("a", a), ("b", b))]
    for left, right in itertools.zip_longest(*columns, fillvalue=""):
        yield f"{padded(left, half)} │ {right}".rstrip()
