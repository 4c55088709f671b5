"""Activations of single units along a text, shown as the coloured text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.insight.colouring import ColouredText
from charrnn.insight.layers import checked_index
from charrnn.insight.recording import Recording

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.model.model import Model


@dataclass(frozen=True, eq=False, repr=False)
class Activity(ColouredText):
    """The activation of a unit along a text; it prints as the text coloured by it.

    Attributes
    ----------
    text : str
        T characters, as the model reads them.
    values : numpy.ndarray
        The unit's state or gate after each character, (T,).
    layer, unit : int
        Indices from 0 up, as in the array that `trackneurons` returns.
    of : str
        The name of the state or gate.
    """

    layer: int = 0
    unit: int = 0
    of: str = "h"


class Activities(list[Activity]):
    """Several units along one text, shown one below the other."""

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        return "<br>".join(activity._repr_html_() for activity in self)


def neurons(
    model: Model,
    charset: CharSet,
    text: str,
    unit: int | None = None,
    layer: int | None = None,
    of: str = "h",
    n: int = 5,
) -> Activity | Activities:
    """Return a unit's activation along a text, or those of the `n` units that vary most; see `ModelState.neurons`."""
    recording = Recording.of_text(model, charset, text)
    values = recording.of(of)
    _, L, H = values.shape
    if unit is not None:
        return activity(
            recording, of, checked_index("layer", -1 if layer is None else layer, L), checked_index("unit", unit, H)
        )
    if not isinstance(n, int | np.integer) or n < 1:
        raise InvalidValue(f"n={n!r}: expected a whole number of units from 1 up.")
    among = range(L) if layer is None else [checked_index("layer", layer, L)]
    spread = {(k, i): s for k in among for i, s in enumerate(values[:, k].std(axis=0, dtype=np.float64))}
    most = sorted(spread, key=lambda place: -spread[place])[:n]
    return Activities(activity(recording, of, *place) for place in most)


def activity(recording: Recording, of: str, layer: int, unit: int) -> Activity:
    """Return one unit's activation in a recording; white is 0 for a state, and mid-range for a gate."""
    values = recording.of(of)[:, layer, unit].copy()
    middle = float(values.min() + values.max()) / 2 if of in recording.gate_names else 0.0
    return Activity(recording.text, values, f"layer {layer}, unit {unit}, {of}", middle, layer, unit, of)
