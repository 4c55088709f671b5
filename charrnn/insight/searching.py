"""Find the units that correlate with a function of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charrnn.errors import InvalidValue
from charrnn.insight import activity, predicates
from charrnn.insight.activity import Activity
from charrnn.insight.recording import Recording
from charrnn.table import Table

if TYPE_CHECKING:
    from charrnn.data.text.charset import CharSet
    from charrnn.insight.predicates import Predicate
    from charrnn.model.model import Model

EXCERPT = 600  # characters


@dataclass(frozen=True, eq=False)
class FoundNeuron:
    """A unit and its correlation with a function of a text.

    Parameters
    ----------
    correlation : float
        Pearson's, from -1 to 1; for a boolean function it is the point-biserial correlation.
    activity : Activity
        The unit's activation along the whole text.
    wanted : numpy.ndarray
        The function's values along the text, (T,).
    """

    correlation: float
    activity: Activity
    wanted: np.ndarray

    @property
    def layer(self) -> int:
        """The layer, from 0 up."""
        return self.activity.layer

    @property
    def unit(self) -> int:
        """The unit in its layer, from 0 up."""
        return self.activity.unit

    def show(self, start: int | None = None, numchars: int = EXCERPT) -> Activity:
        """Return a part of the text coloured by the unit; by default the part in which the function varies most."""
        if start is None:
            start = _liveliest(self.wanted, numchars)
        return self.activity[start : start + numchars]

    def __repr__(self) -> str:
        return f"layer {self.layer}, unit {self.unit}, {self.activity.of}: correlation {self.correlation:+.3f}"


class FoundNeurons(list[FoundNeuron]):
    """Units by the strength of their correlation with a function of a text, strongest first; prints as a table."""

    @property
    def table(self) -> Table:
        """A table with a row for each unit."""
        return Table(
            {
                "#": i,
                "layer": found.layer,
                "unit": found.unit,
                "of": found.activity.of,
                "correlation": found.correlation,
            }
            for i, found in enumerate(self)
        )

    def __repr__(self) -> str:
        return f"{self.table!r}\nTo see one along the text: [0].show()"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def find_neurons(
    model: Model, charset: CharSet, predicate: str | Predicate, text: str, n: int = 10, of: str = "h"
) -> FoundNeurons:
    """Return the units that correlate most strongly with a function of a text; see `ModelState.find_neurons`."""
    if not isinstance(n, int | np.integer) or n < 1:
        raise InvalidValue(f"n={n!r}: expected a whole number of units from 1 up.")
    predicate = predicates.resolve(predicate)  # before the model reads the text, which may take seconds
    recording = Recording.of_text(model, charset, text)
    values, wanted = recording.of(of), predicates.evaluate(predicate, recording.text)
    if np.ptp(wanted) == 0:
        raise InvalidValue(
            f"The predicate is {wanted[0]:g} at every character of this text, so it has no correlations: "
            "give a text in which it changes."
        )
    r = correlations(values, wanted)
    order = np.argsort(-np.abs(r), axis=None, kind="stable")[:n]
    places = [np.unravel_index(at, r.shape) for at in order]
    return FoundNeurons(
        FoundNeuron(float(r[k, i]), activity.activity(recording, of, int(k), int(i)), wanted) for k, i in places
    )


def correlations(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the correlations (L, H) of units (T, L, H) with numbers (T,); 0 for a constant unit.

    >>> correlations(np.array([[[0.0, 1, 3]], [[1.0, 0, 3]]]), np.array([0, 1])).tolist()
    [[1.0, -1.0, 0.0]]
    """
    y = wanted - wanted.mean()
    rows = []
    for layer in values.transpose(1, 0, 2):
        x = layer.astype(np.float64)
        x -= x.mean(axis=0)
        together, scale = y @ x, np.sqrt((x**2).sum(axis=0) * (y @ y))
        moves = np.ptp(layer, axis=0) > 0
        rows.append(np.divide(together, scale, out=np.zeros_like(together), where=moves & (scale > 0)))
    return np.stack(rows)


def _liveliest(wanted: np.ndarray, numchars: int) -> int:
    """Return the start of the stretch of `numchars` numbers with the largest variance."""
    n = min(numchars, len(wanted))
    y = wanted - wanted.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(v)]) for v in (y, y**2))
    return int(((squares[n:] - squares[:-n]) / n - ((sums[n:] - sums[:-n]) / n) ** 2).argmax())
