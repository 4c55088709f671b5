"""Statistics of parameters and activations: sizes, saturated and dead units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charrnn.insight.colouring import BARS
from charrnn.insight.recording import Recording
from charrnn.table import Table
from charrnn.wording import plural

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model

NEAR_ZERO = 1e-3
SATURATED = 0.9  # absolute value of a state; a gate is saturated below 0.1 and above 0.9
DEAD = 1e-3  # standard deviation along the text
BINS = 16


@dataclass(frozen=True, eq=False)
class Statistics:
    """Statistics of a model's parameters and activations; they print as two tables.

    Attributes
    ----------
    parameters : Table
        A row for each parameter: name, shape, mean, std, max (of the absolute values), norm, near_zero (the share
        within ±0.001), values (a histogram from the lowest to the highest).
    activations : Table
        A row for each layer and each state or gate of its units along the text: mean, std, min, max, saturated (the
        share beyond ±0.9, for gates outside 0.1 to 0.9), dead (the number of units with a standard deviation below
        0.001), values (a histogram).
    characters : int
        T, the length of the text or piece.
    noun : str
        The unit of T: "character" or "frame".
    """

    parameters: Table
    activations: Table
    characters: int
    noun: str = "character"

    def __repr__(self) -> str:
        return f"{self.parameters!r}\n\n{self._along}\n{self.activations!r}"

    def _repr_html_(self) -> str:
        return f"{self.parameters._repr_html_()}<div>{self._along}</div>{self.activations._repr_html_()}"

    @property
    def _along(self) -> str:
        return f"Along {plural(self.characters, self.noun)} (layer 0 has the parameters whose names begin with 1):"


def statistics(model: Model, charset: CharSet, text: str) -> Statistics:
    """Return statistics of the parameters and of the activations along a text; see `ModelState.statistics`."""
    return along(model, Recording.of_text(model, charset, text))


def along(model: Model, recording: Recording, noun: str = "character") -> Statistics:
    """Return statistics of the parameters and of the activations in a recording of characters or frames (`noun`)."""
    rows = [
        activation(layer, name, recording.of(name)[:, layer], name in recording.gate_names)
        for layer in range(model.network.layers)
        for name in recording.names
    ]
    parameters = Table((parameter(*item) for item in model.parameters.items()), spare=("mean", "norm", "values"))
    activations = Table(rows, spare=("min", "max", "mean", "values"))
    return Statistics(parameters, activations, len(recording.states), noun)


def parameter(name: str, array: np.ndarray) -> dict[str, object]:
    """Return a parameter's row."""
    values = array.astype(np.float64)
    return {
        "name": name,
        "shape": "×".join(map(str, array.shape)),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "max": float(np.abs(values).max()),
        "norm": float(np.linalg.norm(values)),
        "near_zero": float((np.abs(values) < NEAR_ZERO).mean()),
        "values": histogram(values),
    }


def activation(layer: int, name: str, array: np.ndarray, gate: bool) -> dict[str, object]:
    """Return the row of a state or gate of a layer, (T, H)."""
    values = array.astype(np.float64)
    saturated = np.abs(values - 0.5) > SATURATED - 0.5 if gate else np.abs(values) > SATURATED
    return {
        "layer": layer,
        "of": name,
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
        "saturated": float(saturated.mean()),
        "dead": int((values.std(axis=0) < DEAD).sum()),
        "values": histogram(values),
    }


def histogram(values: np.ndarray, bins: int = BINS) -> str:
    """Return a histogram of numbers, from the lowest to the highest, as bars; a blank stands for 0.

    >>> histogram(np.array([0, 0, 0, 0, 1, 3]), bins=3)
    '█▂▂'
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return ""
    counts, _ = np.histogram(finite, bins)
    heights = np.ceil(counts / counts.max() * len(BARS)).astype(int)
    return "".join(f" {BARS}"[height] for height in heights)
